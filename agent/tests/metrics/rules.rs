//! The rules, judged by Prometheus' own tool.

use std::fs;

use serde_json::{Value, json};

use crate::rig::{Tools, assert_good, generated};

/// Runs `promtool test rules`.
pub(crate) fn test(tools: &Tools, rules: &str, tests: &Value) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rules.yml"), rules).unwrap();
    let file = json!({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": tests});
    let path = dir.path().join("test.yml");
    fs::write(&path, file.to_string()).unwrap();
    assert_good(&tools.promtool(&["test", "rules", path.to_str().unwrap()], ""));
}

#[test]
fn the_rules_are_good_wherever_their_documents_are() {
    let Some(tools) = Tools::find() else {
        return;
    };
    for more in [
        &[][..],
        &[
            "--docs",
            "https://example.org/it's",
            "--selector",
            "job=\"a\", env=~'b|c'",
        ],
    ] {
        let rules = generated(&[&["alerts"], more].concat());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.yml");
        fs::write(&path, rules).unwrap();
        assert_good(&tools.promtool(&["check", "rules", path.to_str().unwrap()], ""));
    }
}

/// A series of an incident of a shop.
fn series(name: &str, labels: &str, values: &str) -> Value {
    let all = format!(
        "{name}{{job=\"finback\",instance=\"h:1\",incident=\"7\",process=\"shop\"{labels}}}"
    );
    json!({"series": all, "values": values})
}

/// A rule, and the severities with which it fires after half an hour of such series. Labels and texts are compared where
/// a leak was recorded.
fn case(alert: &str, input: &[Value], severities: &[&str]) -> Value {
    let firing = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}");
    let sample =
        |severity: &&str| json!({"labels": format!("{{severity=\"{severity}\"}}"), "value": 1});
    json!({
        "interval": "15s",
        "input_series": input,
        "promql_expr_test": [{
            "expr": format!("count by (severity) ({firing})"),
            "eval_time": "30m",
            "exp_samples": severities.iter().map(sample).collect::<Vec<_>>(),
        }],
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_rule_fires_for_its_own_reason_only() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let severity = |value| series("finback_incident_severity", "", value);
    let full = |value| series("finback_incident_descriptors_full_seconds", "", value);
    let connections = |labels| series("finback_incident_connections", labels, "3+0x200");
    let dead = r#",verdict="dead_peer",severity="warning""#;
    let unread = r#",verdict="eof_unread",severity="warning""#;
    let harmless = r#",verdict="eof_unread",severity="info""#;
    let ports = r#",verdict="time_wait_pressure",severity="warning""#;
    let daemon = |name: &str, values: &str| json!({"series": format!("{name}{{job=\"finback\",instance=\"h:1\"}}"), "values": values});
    let rising = series("finback_incident_rising", "", "1+0x200");
    let tests = [
        case(
            "FinbackLeakGrowing",
            &[rising.clone(), severity("1+0x200")],
            &["warning"],
        ),
        case("FinbackLeakGrowing", &[rising, severity("0+0x200")], &[]),
        case("FinbackDescriptorsFullSoon", &[full("5000+0x200")], &[]),
        case(
            "FinbackDescriptorsFullSoon",
            &[full("3000+0x200")],
            &["warning"],
        ),
        case(
            "FinbackDescriptorsFullSoon",
            &[full("600+0x200")],
            &["critical", "warning"],
        ),
        case(
            "FinbackAcceptQueueStuck",
            &[series(
                "finback_incident_accept_queue_stuck_seconds",
                "",
                "0+15x200",
            )],
            &["critical"],
        ),
        case("FinbackDeadPeers", &[connections(dead)], &["warning"]),
        case("FinbackDeadPeers", &[connections(unread)], &[]),
        case(
            "FinbackConnectionsUnnoticed",
            &[connections(unread)],
            &["warning"],
        ),
        case("FinbackConnectionsUnnoticed", &[connections(harmless)], &[]),
        case(
            "FinbackLocalPortsFullSoon",
            &[connections(ports)],
            &["warning"],
        ),
        case(
            "FinbackIncidentCritical",
            &[severity("2+0x200")],
            &["critical"],
        ),
        case(
            "FinbackLostRequests",
            &[series(
                "finback_incident_lost_requests_total",
                "",
                "0+2x200",
            )],
            &["warning"],
        ),
        case("FinbackDown", &[daemon("up", "1+0x200")], &[]),
        case("FinbackDown", &[daemon("up", "0+0x200")], &["critical"]),
        case("FinbackDown", &[], &["critical"]),
        case(
            "FinbackNotLooking",
            &[daemon("finback_looks_total", "7+0x200")],
            &["critical"],
        ),
        case(
            "FinbackNotLooking",
            &[daemon("finback_looks_total", "7+1x200")],
            &[],
        ),
        case(
            "FinbackLosing",
            &[daemon("finback_records_lost_total", "0+1x200")],
            &["warning"],
        ),
        case(
            "FinbackLosing",
            &[daemon("finback_records_lost_total", "9+0x200")],
            &[],
        ),
    ];
    test(&tools, &generated(&["alerts"]), &json!(tests));
}
