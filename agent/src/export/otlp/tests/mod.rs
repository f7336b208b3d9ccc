//! What is sent is read with the official definitions.

mod delivery;
mod numbers;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use prost::Message as _;
use serde_json::json;

use super::logs::{self, Record};
use super::record::record;
use super::resource::Host;
use crate::output::clock::Time;
use crate::output::json::{Body, Event};
use crate::output::samples;

fn host() -> Host {
    Host {
        name: "web-1".into(),
        id: "0123456789abcdef0123456789abcdef".into(),
        boot_id: "5f1c0d5e".into(),
    }
}

/// The lines of a kind among the samples.
fn lines(kind: &str) -> Vec<Event<'static>> {
    let all = samples::wire().into_iter().map(|(_, event)| event);
    let kind_of = |event: &Event<'_>| {
        let is_finding = matches!(event.body, Body::Finding { .. });
        let is_incident = matches!(event.body, Body::Incident { .. });
        match (is_finding, is_incident) {
            (true, _) => "finding",
            (_, true) => "incident",
            _ => "other",
        }
    };
    all.filter(|event| kind_of(event) == kind).collect()
}

fn of(event: &Event<'_>) -> LogRecord {
    record(event, &host(), Time::from_unix_nanos(7)).unwrap()
}

fn text(text: &str) -> Any {
    Any::StringValue(text.to_owned())
}

fn map(pairs: &[KeyValue]) -> BTreeMap<&str, &Any> {
    let pairs = pairs.iter().map(|pair| {
        let Some(AnyValue { value: Some(value) }) = &pair.value else {
            panic!("{} has no value", pair.key);
        };
        (&*pair.key, value)
    });
    pairs.collect()
}

#[test]
fn a_request_is_read_as_it_was_meant() {
    let records: Vec<Record> = lines("finding")
        .iter()
        .map(|line| of(line).into())
        .collect();
    let request = logs::request(&records, &host());
    let read = ExportLogsServiceRequest::decode(&*request).unwrap();
    let [resource] = &read.resource_logs[..] else {
        panic!("one resource");
    };
    assert_eq!(
        resource.schema_url,
        "https://opentelemetry.io/schemas/1.44.0"
    );
    let of_host = resource.resource.as_ref().unwrap();
    let said = map(&of_host.attributes);
    for (name, value) in [
        ("service.name", "finback"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", "0123456789abcdef0123456789abcdef"),
        ("host.name", "web-1"),
        ("host.id", "0123456789abcdef0123456789abcdef"),
        ("os.type", "linux"),
    ] {
        assert_eq!(said[name], &text(value), "{name}");
    }
    let scope = &resource.scope_logs[0];
    assert_eq!(scope.scope.as_ref().unwrap().name, "finback");
    let sent = records.iter().map(Record::record);
    assert!(scope.log_records.iter().eq(sent));
}

#[test]
fn a_finding_is_a_record_with_a_name_a_severity_and_a_sentence() {
    let lines = lines("finding");
    let opened = of(&lines[0]);
    assert_eq!(opened.event_name, "finback.finding");
    assert_eq!(opened.time_unix_nano, lines[0].time.as_unix_nanos());
    assert_eq!(opened.observed_time_unix_nano, 7);
    let said = opened.body.as_ref().and_then(|body| body.value.clone());
    let Some(Any::StringValue(said)) = said else {
        panic!("a sentence");
    };
    assert!(
        said.starts_with("python3[4711] has not read from"),
        "{said}"
    );
    let attributes = map(&opened.attributes);
    for (name, value) in [
        ("finback.finding.action", text("opened")),
        ("finback.finding.verdict", text("eof_unread")),
        ("finback.finding.confidence", text("proven")),
        ("finback.finding.id", Any::IntValue(1)),
        ("finback.finding.evidence.unread_bytes", Any::IntValue(1)),
        (
            "finback.finding.half_closed_ns",
            Any::IntValue(10_000_000_000),
        ),
        ("finback.socket.role", text("server")),
        ("finback.socket.cookie", Any::IntValue(4242)),
        ("network.transport", text("tcp")),
        ("network.type", text("ipv4")),
        ("network.local.address", text("192.0.2.10")),
        ("network.local.port", Any::IntValue(8080)),
        ("network.peer.address", text("198.51.100.7")),
        ("network.peer.port", Any::IntValue(51_234)),
        ("network.connection.state", text("close_wait")),
        ("process.pid", Any::IntValue(4711)),
        (
            "process.creation.time",
            text("2026-11-22T13:20:00.000000000Z"),
        ),
        ("process.executable.path", text("/usr/bin/python3.13")),
        ("process.command_line", text("python3 -m shop --port 8080")),
        ("process.user.id", Any::IntValue(1000)),
        ("process.linux.cgroup", text("/system.slice/shop.service")),
        ("finback.process.comm", text("python3")),
        ("finback.process.attribution", text("accept")),
    ] {
        assert_eq!(attributes.get(name), Some(&&value), "{name}");
    }
    assert!(
        !attributes.contains_key("finback.finding.summary"),
        "it is the body"
    );
}

#[test]
fn containers_pods_units_and_users_have_the_names_of_the_conventions() {
    let event = samples::socket(|line| {
        line["type"] = json!("finding");
        line["finding"] = json!({
            "id": 1, "action": "opened", "verdict": "not_closed", "severity": "info",
            "confidence": "likely", "opened": "2026-11-22T13:25:44.123456789Z",
            "summary": "s", "hint": "h", "evidence": {"threshold_ns": 1}, "holders": [],
        });
        line["process"]["vpid"] = json!(17);
        line["process"]["real_user"] = json!({"id": 33});
        line["systemd_unit"] = json!("shop.service");
        line["container"] = json!({"id": "c0ffee", "name": "web", "runtime": {"name": "docker"}});
        line["k8s"] = json!({
            "namespace": {"name": "shop"}, "pod": {"name": "web-0", "uid": "u"},
            "container": {"name": "app"},
        });
        line["peer_process"] = line["process"].clone();
    });
    let record = of(&event);
    let attributes = map(&record.attributes);
    for (name, value) in [
        ("process.vpid", Any::IntValue(17)),
        ("process.real_user.id", Any::IntValue(33)),
        ("process.executable.name", text("shop")),
        ("container.id", text("c0ffee")),
        ("container.name", text("web")),
        ("container.runtime.name", text("docker")),
        ("k8s.namespace.name", text("shop")),
        ("k8s.pod.name", text("web-0")),
        ("k8s.pod.uid", text("u")),
        ("k8s.container.name", text("app")),
        ("finback.systemd_unit", text("shop.service")),
        ("finback.peer_process.pid", Any::IntValue(4711)),
        ("finback.finding.hint", text("h")),
    ] {
        assert_eq!(attributes.get(name), Some(&&value), "{name}");
    }
}

#[test]
fn an_incident_is_a_record_with_all_that_it_says() {
    let line = &lines("incident")[0];
    let incident = of(line);
    assert_eq!(incident.event_name, "finback.incident");
    assert_eq!(incident.severity_number(), SeverityNumber::Warn);
    let attributes = map(&incident.attributes);
    for (name, value) in [
        ("finback.incident.id", text("1c5f0d5e8a534c3b")),
        ("finback.incident.reason", text("rising")),
        ("finback.incident.cause.workload", text("shop.service")),
        ("finback.incident.cause.port", Any::IntValue(8080)),
        ("finback.incident.trend.per_minute", Any::DoubleValue(2.1)),
        ("finback.incident.descriptors.limit", Any::IntValue(1024)),
        ("process.pid", Any::IntValue(4711)),
    ] {
        assert_eq!(attributes.get(name), Some(&&value), "{name}");
    }
    let Any::ArrayValue(verdicts) = attributes["finback.incident.verdicts"] else {
        panic!("a list");
    };
    assert_eq!(verdicts.values.len(), 2);
}

#[test]
fn severities_are_numbers_and_the_end_is_nobody_s_alarm() {
    let named = |severity: &str, action: &str| {
        let line = &lines("incident")[0];
        let mut line = serde_json::to_value(line).unwrap();
        line["incident"]["severity"] = json!(severity);
        line["incident"]["action"] = json!(action);
        let text = line.to_string();
        let record = of(&serde_json::from_str(&text).unwrap());
        (record.severity_number(), record.severity_text)
    };
    for (severity, action, number, text) in [
        ("info", "opened", SeverityNumber::Info, "info"),
        ("warning", "updated", SeverityNumber::Warn, "warning"),
        ("critical", "updated", SeverityNumber::Error2, "critical"),
        ("critical", "resolved", SeverityNumber::Info, "info"),
    ] {
        assert_eq!(named(severity, action), (number, text.to_owned()));
    }
}

#[test]
fn a_record_that_comes_twice_is_known_by_its_id() {
    let mut seen = BTreeMap::new();
    for line in lines("finding").iter().chain(&lines("incident")) {
        let record = of(line);
        let uid = map(&record.attributes)["log.record.uid"].clone();
        assert_eq!(map(&of(line).attributes)["log.record.uid"], &uid);
        seen.insert(format!("{uid:?}"), (line.seq, line.time));
    }
    let lines: std::collections::BTreeSet<_> = seen.values().collect();
    assert_eq!(lines.len(), seen.len());
}

#[test]
fn other_lines_have_no_record() {
    for line in lines("other") {
        assert_eq!(record(&line, &host(), Time::now()), None);
    }
}
