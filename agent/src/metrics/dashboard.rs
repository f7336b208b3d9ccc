//! A dashboard for Grafana, in the schema that every version reads.

use serde_json::{Value, json};

/// A panel.
struct Panel {
    title: &'static str,
    /// What it shows, and what to make of it.
    description: &'static str,
    kind: Kind,
    unit: &'static str,
    /// Left, top, width, height, in a grid of 24 columns.
    place: [u8; 4],
    /// Queries with what their series are called.
    queries: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Curves.
    Lines,
    /// Areas, one on the other.
    Stacked,
    /// A large number.
    Number,
    /// Rows.
    Table,
}

/// The handbook's picture of a connection's life: established, idle, half-closed, closed. Its gauge bore the suffix of a
/// counter (`_total`); here a gauge is a gauge, and what is counted is counted.
const STAGES: &[(&str, &str)] = &[
    (
        r#"sum(finback_connections{instance=~"$instance", stage="established"})"#,
        "established",
    ),
    (
        r#"sum(finback_connections{instance=~"$instance", stage="idle"})"#,
        "idle",
    ),
    (
        r#"sum(finback_connections{instance=~"$instance", stage=~"half_closed_.*"})"#,
        "half-closed",
    ),
    (
        r#"sum(finback_connections{instance=~"$instance", stage="closed_but_held"})"#,
        "closed, still held",
    ),
];

const PANELS: [Panel; 18] = [
    Panel {
        title: "Incidents",
        description: "Causes that are not over, by severity.",
        kind: Kind::Number,
        unit: "short",
        place: [0, 0, 6, 4],
        queries: &[(
            r#"sum by (severity) (finback_incidents{instance=~"$instance"})"#,
            "{{severity}}",
        )],
    },
    Panel {
        title: "Unnoticed",
        description: "Connections that the peer has ended and nobody here has.",
        kind: Kind::Number,
        unit: "short",
        place: [6, 0, 6, 4],
        queries: &[(
            r#"sum(finback_connections{instance=~"$instance", stage=~"half_closed_unnoticed|closed_but_held"})"#,
            "connections",
        )],
    },
    Panel {
        title: "Oldest",
        description: "How long the oldest connection of any incident has been in trouble.",
        kind: Kind::Number,
        unit: "s",
        place: [12, 0, 6, 4],
        queries: &[(
            r#"max(finback_incident_oldest_seconds{instance=~"$instance"})"#,
            "oldest",
        )],
    },
    Panel {
        title: "First process without descriptors",
        description: "Until the first process has no descriptor left, if its leak goes on. Empty: none is rising.",
        kind: Kind::Number,
        unit: "s",
        place: [18, 0, 6, 4],
        queries: &[(
            r#"min(finback_incident_descriptors_full_seconds{instance=~"$instance"})"#,
            "full in",
        )],
    },
    Panel {
        title: "Connections by stage",
        description: "Established, idle (no data for a minute), half-closed, closed but held: half-closed and held \
                      ones should come and go. A level that only climbs is a leak.",
        kind: Kind::Stacked,
        unit: "short",
        place: [0, 4, 12, 8],
        queries: STAGES,
    },
    Panel {
        title: "Transitions",
        description: "Changes of state every second, where /metrics?collect=lifetimes is scraped. In balance as many \
                      connections reach CLOSE_WAIT as LAST_ACK.",
        kind: Kind::Lines,
        unit: "cps",
        place: [12, 4, 12, 8],
        queries: &[(
            r#"sum by (state) (rate(finback_transitions_total{instance=~"$instance"}[$__rate_interval]))"#,
            "{{state}}",
        )],
    },
    Panel {
        title: "Net change by stage",
        description: "How fast each stage fills or empties, from the gauges alone: needs no record per connection.",
        kind: Kind::Lines,
        unit: "cps",
        place: [0, 12, 12, 7],
        queries: &[(
            r#"sum by (stage) (deriv(finback_connections{instance=~"$instance"}[$__rate_interval]))"#,
            "{{stage}}",
        )],
    },
    Panel {
        title: "Unnoticed by process",
        description: "The ten processes with most connections that their peers have ended.",
        kind: Kind::Lines,
        unit: "short",
        place: [12, 12, 12, 7],
        queries: &[(
            r#"topk(10, sum by (process, unit, namespace, pod, container) (finback_connections{instance=~"$instance", stage=~"half_closed_unnoticed|closed_but_held"}))"#,
            "{{process}} {{unit}}{{pod}} {{container}}",
        )],
    },
    Panel {
        title: "Incidents by cause",
        description: "`finback explain` with the word in the column `incident` says why, and what to change.",
        kind: Kind::Table,
        unit: "short",
        place: [0, 19, 24, 8],
        queries: &[(
            r#"sort_desc(sum by (incident, program, process, role, port, unit, namespace, pod, container, severity, verdict, instance) (finback_incident_connections{instance=~"$instance"}))"#,
            "",
        )],
    },
    Panel {
        title: "Age of the oldest, by cause",
        description: "A slope of one: it is never noticed.",
        kind: Kind::Lines,
        unit: "s",
        place: [0, 27, 8, 7],
        queries: &[(
            r#"finback_incident_oldest_seconds{instance=~"$instance"}"#,
            "{{program}} {{unit}}{{pod}} {{port}}",
        )],
    },
    Panel {
        title: "Growth of leaks",
        description: "Connections that settle every minute.",
        kind: Kind::Lines,
        unit: "short",
        place: [8, 27, 8, 7],
        queries: &[(
            r#"60 * finback_incident_growth{instance=~"$instance"}"#,
            "{{program}} {{unit}}{{pod}} {{port}}",
        )],
    },
    Panel {
        title: "Descriptors of leaking processes",
        description: "Used, as a part of the limit, and in seconds the forecast where a leak rises.",
        kind: Kind::Lines,
        unit: "percentunit",
        place: [16, 27, 8, 7],
        queries: &[(
            r#"finback_incident_descriptors_open{instance=~"$instance"} / finback_incident_descriptors_limit"#,
            "{{program}} {{unit}}{{pod}}",
        )],
    },
    Panel {
        title: "Descriptors full in",
        description: "How long until none is left, by cause.",
        kind: Kind::Lines,
        unit: "s",
        place: [0, 34, 8, 7],
        queries: &[(
            r#"finback_incident_descriptors_full_seconds{instance=~"$instance"}"#,
            "{{program}} {{unit}}{{pod}}",
        )],
    },
    Panel {
        title: "Accept queues",
        description: "Waiting, as a part of what the queue holds, and for how long nothing was accepted.",
        kind: Kind::Lines,
        unit: "percentunit",
        place: [8, 34, 8, 7],
        queries: &[(
            r#"finback_incident_accept_queue_waiting{instance=~"$instance"} / finback_incident_accept_queue_limit"#,
            "{{program}} {{port}}",
        )],
    },
    Panel {
        title: "Time to notice",
        description: "95 % notice within this time: handed the end-of-stream, closed, accepted. Where \
                      /metrics?collect=lifetimes is scraped.",
        kind: Kind::Lines,
        unit: "s",
        place: [16, 34, 8, 7],
        queries: &[
            (
                r#"histogram_quantile(0.95, sum by (le) (rate(finback_fin_to_end_of_stream_seconds_bucket{instance=~"$instance"}[$__rate_interval])))"#,
                "told",
            ),
            (
                r#"histogram_quantile(0.95, sum by (le) (rate(finback_fin_to_close_seconds_bucket{instance=~"$instance"}[$__rate_interval])))"#,
                "closed",
            ),
            (
                r#"histogram_quantile(0.95, sum by (le) (rate(finback_accept_queue_wait_seconds_bucket{instance=~"$instance"}[$__rate_interval])))"#,
                "accepted",
            ),
        ],
    },
    Panel {
        title: "Late writes and lost requests",
        description: "Written after the peer had gone: a server's are late answers, a client's lost requests.",
        kind: Kind::Lines,
        unit: "cps",
        place: [0, 41, 8, 7],
        queries: &[
            (
                r#"sum by (role) (rate(finback_late_writes_total{instance=~"$instance"}[$__rate_interval]))"#,
                "{{role}}",
            ),
            (
                r#"sum(rate(finback_lost_requests_total{instance=~"$instance"}[$__rate_interval]))"#,
                "lost requests",
            ),
        ],
    },
    Panel {
        title: "What finback costs",
        description: "Processor time of the daemon and of its looks.",
        kind: Kind::Lines,
        unit: "percentunit",
        place: [8, 41, 8, 7],
        queries: &[
            (
                r#"rate(process_cpu_seconds_total{instance=~"$instance"}[$__rate_interval]) and on (instance) finback_build_info"#,
                "daemon {{instance}}",
            ),
            (
                r#"rate(finback_look_seconds_total{instance=~"$instance"}[$__rate_interval])"#,
                "looks {{instance}}",
            ),
        ],
    },
    Panel {
        title: "finback's health",
        description: "Subscribers, records that were lost, lines that the history did not keep. Only the first may be \
                      more than 0.",
        kind: Kind::Lines,
        unit: "short",
        place: [16, 41, 8, 7],
        queries: &[
            (
                r#"finback_subscribers{instance=~"$instance"}"#,
                "subscribers {{instance}}",
            ),
            (
                r#"sum by (instance) (increase(finback_records_lost_total{instance=~"$instance"}[$__rate_interval]))"#,
                "records lost {{instance}}",
            ),
            (
                r#"process_resident_memory_bytes{instance=~"$instance"} / 1048576 and on (instance) finback_build_info"#,
                "MiB resident {{instance}}",
            ),
        ],
    },
];

/// The dashboard.
pub fn document() -> Value {
    let panels = PANELS.iter().zip(1..);
    let panels: Vec<_> = panels.map(|(panel, id)| panel.document(id)).collect();
    json!({
        "title": "finback: connections that nobody closes",
        "uid": "finback",
        "description": "Made by `finback generate dashboard`.",
        "tags": ["finback", "tcp"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {
                "name": "datasource",
                "label": "Data source",
                "type": "datasource",
                "query": "prometheus",
            },
            {
                "name": "instance",
                "label": "Host",
                "type": "query",
                "datasource": datasource(),
                "query": {"query": "label_values(finback_build_info, instance)", "refId": "instance"},
                "refresh": 2,
                "multi": true,
                "includeAll": true,
                "allValue": ".*",
                "current": {"text": "All", "value": "$__all"},
            },
        ]},
        "panels": panels,
    })
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "$datasource"})
}

impl Panel {
    fn document(&self, id: u32) -> Value {
        let [x, y, w, h] = self.place;
        let targets = self.queries.iter().zip('A'..);
        let targets: Vec<_> = targets
            .map(|((expr, legend), id)| {
                json!({
                    "refId": id.to_string(),
                    "datasource": datasource(),
                    "expr": expr,
                    "legendFormat": legend,
                    "instant": self.kind == Kind::Table,
                    "range": self.kind != Kind::Table,
                    "format": if self.kind == Kind::Table { "table" } else { "time_series" },
                })
            })
            .collect();
        json!({
            "id": id,
            "title": self.title,
            "description": self.description,
            "type": self.kind.name(),
            "datasource": datasource(),
            "gridPos": {"x": x, "y": y, "w": w, "h": h},
            "targets": targets,
            "fieldConfig": {"defaults": {"unit": self.unit, "custom": self.kind.style()}, "overrides": []},
            "options": {},
        })
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Lines | Self::Stacked => "timeseries",
            Self::Number => "stat",
            Self::Table => "table",
        }
    }

    fn style(self) -> Value {
        match self {
            Self::Stacked => {
                json!({"fillOpacity": 30, "stacking": {"mode": "normal", "group": "A"}})
            }
            Self::Lines => json!({"fillOpacity": 0}),
            Self::Number | Self::Table => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panel_lies_on_another_and_every_query_can_be_narrowed_to_a_host() {
        let mut cells = std::collections::BTreeSet::new();
        for panel in &PANELS {
            let [left, top, width, height] = panel.place;
            assert!(left + width <= 24, "{}", panel.title);
            for cell in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y)))
            {
                assert!(cells.insert(cell), "{}", panel.title);
            }
            for (query, _) in panel.queries {
                assert!(query.contains(r#"instance=~"$instance""#), "{query}");
            }
        }
    }
}
