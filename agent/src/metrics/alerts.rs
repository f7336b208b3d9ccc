//! Rules for Prometheus and the like: when to call somebody, with all that is known of whose it is.
//!
//! Each rule hands the incident's labels on: process, unit, namespace, pod and container route an alert to the people
//! who can mend it. Severity is `critical` where users are hurt or soon will be, `warning` where somebody should look.

/// Where the documents are if nobody says where they can be read.
pub const RUNBOOKS: &str = "file:///usr/share/doc/finback";

/// Choice of the series by which Prometheus knows the daemon.
pub const SELECTOR: &str = "job=\"finback\"";

/// A rule.
struct Alert {
    name: &'static str,
    /// A label's value is only in it as `SELECTOR`.
    expr: &'static str,
    /// How long it must be so.
    lasts: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
    /// Document with what to do, below the folder of documents.
    runbook: &'static str,
}

/// Who it is, for descriptions.
const WHO: &str = "{{ $labels.process }}\
    {{ with $labels.pod }} in pod {{ $labels.namespace }}/{{ . }}{{ end }}\
    {{ with $labels.container }}, container {{ . }}{{ end }}\
    {{ with $labels.unit }} of {{ . }}{{ end }}\
    {{ with $labels.port }} ({{ $labels.role }}, port {{ . }}){{ end }} on {{ $labels.instance }}";

const ALERTS: [Alert; 12] = [
    Alert {
        name: "FinbackLeakGrowing",
        expr: "finback_incident_rising == 1 and on (job, instance, incident) finback_incident_severity >= 1",
        lasts: "2m",
        severity: "warning",
        summary: "Connections whose peer has hung up become more and more.",
        description: "WHO does not close connections that its peers have ended, and has more of them every minute. \
                      `finback explain {{ $labels.incident }}` says which and why.",
        runbook: "verdicts/README.md",
    },
    Alert {
        name: "FinbackDescriptorsFullSoon",
        expr: "finback_incident_descriptors_full_seconds < 3600",
        lasts: "2m",
        severity: "warning",
        summary: "A process that leaks connections has no descriptor left within the hour.",
        description: "WHO will have used up its descriptors in {{ $value | humanizeDuration }} if it goes on.",
        runbook: "verdicts/README.md",
    },
    Alert {
        name: "FinbackDescriptorsFullSoon",
        expr: "finback_incident_descriptors_full_seconds < 900 or (finback_incident_descriptors_open / \
               finback_incident_descriptors_limit > 0.95 and on (job, instance, incident) \
               finback_incident_severity >= 1)",
        lasts: "1m",
        severity: "critical",
        summary: "A process that leaks connections is about to have no descriptor left.",
        description: "WHO is about to fail with EMFILE, `too many open files`: it can then neither accept nor connect.",
        runbook: "verdicts/README.md",
    },
    Alert {
        name: "FinbackAcceptQueueStuck",
        expr: "finback_incident_accept_queue_stuck_seconds > 60",
        lasts: "1m",
        severity: "critical",
        summary: "A listener does not accept connections.",
        description: "WHO has accepted nothing for {{ $value | humanizeDuration }} while connections wait.",
        runbook: "verdicts/never_accepted.md",
    },
    Alert {
        name: "FinbackDeadPeers",
        expr: "sum without (verdict, severity) (finback_incident_connections{verdict=\"dead_peer\", \
               severity=~\"warning|critical\"}) > 0",
        lasts: "5m",
        severity: "warning",
        summary: "Connections are kept whose peers do not answer any more.",
        description: "WHO keeps {{ $value }} connections whose peers answer neither data nor probes.",
        runbook: "verdicts/others.md#dead_peer",
    },
    Alert {
        name: "FinbackConnectionsUnnoticed",
        expr: "sum without (verdict, severity) (finback_incident_connections{verdict!~\"dead_peer|never_accepted|\
               time_wait_pressure\", severity=~\"warning|critical\"}) > 0",
        lasts: "15m",
        severity: "warning",
        summary: "Connections that their peers have ended stay open.",
        description: "WHO has kept {{ $value }} connections for long that are over for their peers.",
        runbook: "verdicts/README.md",
    },
    Alert {
        name: "FinbackIncidentCritical",
        expr: "finback_incident_severity == 2",
        lasts: "1m",
        severity: "critical",
        summary: "Connections that nobody closes hurt users now.",
        description: "WHO has an incident that finback calls critical. \
                      `finback explain {{ $labels.incident }}` says why.",
        runbook: "verdicts/README.md",
    },
    Alert {
        name: "FinbackLostRequests",
        expr: "increase(finback_incident_lost_requests_total[10m]) > 30",
        lasts: "5m",
        severity: "warning",
        summary: "Requests are lost on connections that their server had closed.",
        description: "WHO has lost {{ $value | humanize }} requests in ten minutes: it writes into connections that \
                      are over.",
        runbook: "verdicts/others.md#write_after_fin",
    },
    Alert {
        name: "FinbackLocalPortsFullSoon",
        expr: "sum without (verdict, severity) (finback_incident_connections{verdict=\"time_wait_pressure\"}) > 0",
        lasts: "2m",
        severity: "warning",
        summary: "Connections in TIME_WAIT use up the local ports toward one peer.",
        description: "WHO closes so many connections with one peer that local ports run out.",
        runbook: "verdicts/others.md#time_wait_pressure",
    },
    Alert {
        name: "FinbackDown",
        expr: "up{SELECTOR} == 0 or absent(up{SELECTOR})",
        lasts: "5m",
        severity: "critical",
        summary: "finback does not answer: leaks go unnoticed.",
        description: "finback on {{ $labels.instance }} cannot be scraped. `systemctl status finback` and \
                      `finback doctor` say more.",
        runbook: "metrics.md#when-finback-is-down",
    },
    Alert {
        name: "FinbackNotLooking",
        expr: "rate(finback_looks_total[10m]) == 0",
        lasts: "10m",
        severity: "critical",
        summary: "finback answers but does not look at the sockets.",
        description: "finback on {{ $labels.instance }} has not looked at the sockets of the host for ten minutes: its \
                      log says why.",
        runbook: "metrics.md#when-finback-is-down",
    },
    Alert {
        name: "FinbackLosing",
        expr: "increase(finback_records_lost_total[10m]) > 0 or increase(finback_history_lines_dropped_total[10m]) > 0 \
               or finback_history_failing == 1",
        lasts: "0m",
        severity: "warning",
        summary: "finback loses lines of its stream or of its history.",
        description: "finback on {{ $labels.instance }} does not keep up, or its disk is full. Findings do not depend \
                      on it; the stream and the history have gaps.",
        runbook: "metrics.md#when-finback-loses-something",
    },
];

/// All rules, as a file of Prometheus. `docs` is where the documents are, `selector` chooses the daemon's `up`.
pub fn rules(docs: &str, selector: &str) -> String {
    let docs = docs.trim_end_matches('/');
    let rules = ALERTS.iter().map(|alert| alert.rule(docs, selector));
    let rules: String = rules.collect();
    format!("# Made by `finback generate alerts`.\ngroups:\n  - name: finback\n    rules:\n{rules}")
}

impl Alert {
    fn rule(&self, docs: &str, selector: &str) -> String {
        let Self {
            name,
            lasts,
            severity,
            ..
        } = self;
        let expr = quoted(&self.expr.replace("SELECTOR", selector));
        let summary = quoted(self.summary);
        let description = quoted(&self.description.replace("WHO", WHO));
        let runbook = quoted(&format!("{docs}/{}", self.runbook));
        format!(
            "      - alert: {name}
        expr: {expr}
        for: {lasts}
        labels:
          severity: {severity}
        annotations:
          summary: {summary}
          description: {description}
          runbook_url: {runbook}
"
        )
    }
}

/// A scalar of YAML that stands for itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_runbook_is_a_document_with_that_heading() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        for alert in &ALERTS {
            let (file, heading) = alert.runbook.split_once('#').unwrap_or((alert.runbook, ""));
            let text = std::fs::read_to_string(docs.join(file)).unwrap();
            let anchor = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                title.replace('`', "").replace(' ', "-")
            };
            let mut headings = text.lines().filter(|line| line.starts_with('#'));
            let found = heading.is_empty() || headings.any(|line| anchor(line) == heading);
            assert!(found, "{}", alert.runbook);
        }
    }

    #[test]
    fn summaries_are_static_and_descriptions_are_not_made_of_placeholders() {
        let text = rules("https://example.org/docs/", "job=\"it's\"");
        assert!(
            !text.contains("WHO") && !text.contains("SELECTOR"),
            "{text}"
        );
        assert!(text.contains("runbook_url: 'https://example.org/docs/verdicts/README.md'"));
        assert!(text.contains("up{job=\"it''s\"}"));
        for alert in &ALERTS {
            assert!(alert.name.starts_with("Finback"), "{}", alert.name);
            assert!(!alert.summary.contains("{{") && alert.summary.ends_with('.'));
            assert!(["critical", "warning"].contains(&alert.severity));
        }
    }
}
