//! Metrics, alerts and the dashboard, with a real Prometheus and a leak that was planted. As root only: others are told so
//! by the first test.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod group;
mod http;
mod rig;
mod rules;

use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::group::LABELS;
use crate::rig::{Daemon, Leak, Prometheus, Tools, assert_good, generated, wait_for};

#[expect(clippy::print_stdout, reason = "a test that cannot begin says why")]
fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        println!("skipped: only root can watch connections");
    }
    is_root
}

/// What `$__rate_interval` is for a Prometheus that scrapes every two seconds.
const INTERVAL: &str = "15s";

/// Every query of the dashboard, for all hosts.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&generated(&["dashboard"])).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.map(|target| target["expr"].as_str().unwrap());
    let queries = queries.map(|query| query.replace("$__rate_interval", INTERVAL));
    queries
        .map(|query| query.replace("$instance", ".*"))
        .collect()
}

/// The rules as they are generated, but for the time that they wait.
fn hasty(rules: &str) -> String {
    let lines = rules.lines().map(|line| match line.split_once("for: ") {
        Some((before, _)) => format!("{before}for: 1s"),
        None => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn a_planted_leak_is_scraped_drawn_and_alerted_with_its_pod_and_unit() {
    let Some(tools) = Tools::find().filter(|_| is_root()) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let leak = Leak::start();
    let daemon = Daemon::start(dir.path());
    let rules = generated(&["alerts"]);
    let prometheus = Prometheus::start(&tools, dir.path(), &daemon.address, &hasty(&rules));

    let alert = wait_for("alert for the leak", || firing(&prometheus, &leak));
    println!("{alert:#}");
    if leak.group.is_some() {
        for (name, value) in LABELS {
            assert_eq!(alert["labels"][name], value, "{alert:#}");
        }
    } else {
        println!("skipped in part: no cgroup2 file system: labels of unit and pod");
    }
    assert_eq!(alert["labels"]["severity"], "warning");
    for query in queries() {
        let found = wait_for(&query, || {
            let found = prometheus.query(&query);
            (!found.is_empty()).then_some(found)
        });
        println!(
            "{query}\n    {} series, one is {}",
            found.len(),
            found[0]["value"][1]
        );
    }
    fires_by_the_rules_as_they_are(&tools, &prometheus, &rules, &alert);
    promtool_likes_both_formats(&tools, &daemon);
    own_costs_are_those_of_the_kernel(&daemon);
    drop(leak);
}

/// The alert for the leak.
fn firing(prometheus: &Prometheus, leak: &Leak) -> Option<Value> {
    let alerts = prometheus.api("alerts");
    let mut alerts = alerts["alerts"].as_array()?.iter();
    let found = alerts.find(|alert| {
        let labels = &alert["labels"];
        labels["alertname"] == "FinbackLeakGrowing"
            && labels["port"] == *leak.port
            && alert["state"] == "firing"
    });
    found.cloned()
}

/// What Prometheus has recorded, two seconds from one value to the next, is given to the rules as if it were a quarter of a
/// minute: they fire as they are, with the time that they wait.
fn fires_by_the_rules_as_they_are(
    tools: &Tools,
    prometheus: &Prometheus,
    rules: &str,
    alert: &Value,
) {
    let recorded = ["up", "finback_incident_rising", "finback_incident_severity"];
    let series = recorded.map(|name| prometheus.query(&format!("{name}[1m]")));
    let series: Vec<_> = series.iter().flatten().map(input).collect();
    let mut labels = alert["labels"].clone();
    labels.as_object_mut().unwrap().remove("alertname");
    let expected = json!([{"exp_labels": labels, "exp_annotations": alert["annotations"]}]);
    let fires = |name: &str, expected: &Value| json!({"eval_time": "14m", "alertname": name, "exp_alerts": expected});
    let test = json!({
        "interval": "15s",
        "input_series": series,
        "alert_rule_test": [fires("FinbackLeakGrowing", &expected), fires("FinbackDown", &json!([]))],
    });
    rules::test(tools, rules, &json!([test]));
}

/// A recorded series as `promtool test rules` wants it; the last value lasts.
fn input(series: &Value) -> Value {
    let mut labels = series["metric"].as_object().unwrap().clone();
    let name = labels.remove("__name__").unwrap();
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let values = series["values"].as_array().unwrap();
    let values: Vec<_> = values
        .iter()
        .map(|pair| pair[1].as_str().unwrap())
        .collect();
    let last = values.last().unwrap();
    json!({
        "series": format!("{}{{{}}}", name.as_str().unwrap(), labels.join(",")),
        "values": format!("{} {last}+0x60", values.join(" ")),
    })
}

fn promtool_likes_both_formats(tools: &Tools, daemon: &Daemon) {
    let classic = daemon.get("/metrics", "");
    assert!(
        classic.head.contains("text/plain; version=0.0.4"),
        "{}",
        classic.head
    );
    assert_good(&tools.promtool(&["check", "metrics"], &classic.body));
    let standard = daemon.get("/metrics", "accept: application/openmetrics-text\r\n");
    assert!(
        standard.head.contains("application/openmetrics-text"),
        "{}",
        standard.head
    );
    assert!(standard.body.ends_with("# EOF\n"));
    // Over TCP there is nothing else.
    assert!(daemon.get("/healthz", "").head.contains(" 200 "));
    assert!(daemon.get("/v1/incidents", "").head.contains(" 404 "));
    let stream = UnixStream::connect(&daemon.socket).unwrap();
    let local = http::get(stream, "/metrics?collect=lifetimes", "").unwrap();
    assert!(local.body.contains("\nfinback_fin_to_close_seconds_count "));
    with_curl(daemon);
}

#[expect(clippy::print_stdout, reason = "a test that cannot begin says why")]
fn with_curl(daemon: &Daemon) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--unix-socket"])
        .arg(&daemon.socket)
        .arg("http://localhost/metrics");
    match curl.output() {
        Ok(output) => {
            assert_good(&output);
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains("finback_connections{"), "{text}");
        }
        Err(_) => println!("skipped in part: there is no curl here"),
    }
}

/// What the daemon says of itself lies between what the kernel says before and after, but for 5 %.
fn own_costs_are_those_of_the_kernel(daemon: &Daemon) {
    let pid = i32::try_from(daemon.process.0.id()).unwrap();
    let account = || {
        let process = procfs::process::Process::new(pid).unwrap();
        let stat = process.stat().unwrap();
        let time = stat.utime + stat.stime;
        let page = procfs::page_size();
        (time, stat.rss * page)
    };
    let (before, resident) = account();
    let text = daemon.get("/metrics", "").body;
    let (after, _) = account();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    #[expect(clippy::cast_precision_loss, reason = "ticks and bytes are few")]
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    let told = value("process_cpu_seconds_total ");
    assert!(
        told >= seconds(before) * 0.95 && told <= seconds(after) * 1.05 + 0.02,
        "{told}, {} to {}",
        seconds(before),
        seconds(after)
    );
    #[expect(clippy::cast_precision_loss, reason = "ticks and bytes are few")]
    let resident = resident as f64;
    let told = value("process_resident_memory_bytes ");
    assert!(
        (told - resident).abs() <= resident * 0.05,
        "{told} {resident}"
    );
}
