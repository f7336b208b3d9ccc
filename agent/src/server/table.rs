//! The table of paths: what is served where, what may be asked, and what comes.

use serde_json::{Value, json};

use super::parameter::{COLLECT, FILTER, FOLLOW, LAST, Parameter, SELECT, SINCE, UNTIL, WHAT};
use super::query::About;
use crate::metrics::text::Format;

/// A path.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) path: &'static str,
    /// What it is for, in one line.
    pub(super) summary: &'static str,
    /// What may be asked.
    pub(super) parameters: &'static [&'static Parameter],
    /// What comes.
    pub(super) content: Content,
    /// Where that comes from.
    pub(super) source: Source,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The feed, for as long as it is read.
    Stream,
    /// The daemon's own task.
    Daemon(About),
    /// A look at the kernel.
    Sockets,
    /// What is counted and measured.
    Metrics,
    /// All that is known.
    Pages,
    /// There is nothing to ask for: the process answers.
    Alive,
    /// The schema of the stream's lines.
    Schema,
    /// This table.
    OpenApi,
}

/// What an answer is.
#[derive(Debug)]
pub(super) struct Content {
    /// Its media type.
    pub(super) media: &'static str,
    /// Its JSON Schema; of lines that of one line.
    pub(super) schema: fn() -> Value,
}

/// Every path, all for GET.
pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v1/events",
        summary: "The stream from now on, one line per event, `hello` first, until the daemon ends",
        parameters: &[&SELECT, &FILTER, &SINCE, &UNTIL, &LAST, &FOLLOW],
        content: Content {
            media: "application/x-ndjson",
            schema: event,
        },
        source: Source::Stream,
    },
    Route {
        path: "/v1/connections",
        summary: "Every socket as a look finds it now, one line of type `socket` for each",
        parameters: &[&FILTER],
        content: Content {
            media: "application/x-ndjson",
            schema: event,
        },
        source: Source::Sockets,
    },
    Route {
        path: "/v1/findings",
        summary: "The last `finding` event of every open finding; of the past, of every one that was told",
        parameters: &[&FILTER, &SINCE, &UNTIL, &LAST],
        content: Content {
            media: JSON,
            schema: || list("findings"),
        },
        source: Source::Daemon(About::Findings),
    },
    Route {
        path: "/v1/incidents",
        summary: "The last `incident` event of every incident that is not over; of the past, of every one that was told",
        parameters: &[&FILTER, &SINCE, &UNTIL, &LAST],
        content: Content {
            media: JSON,
            schema: || list("incidents"),
        },
        source: Source::Daemon(About::Incidents),
    },
    Route {
        path: "/v1/explain",
        summary: "A page about what somebody has in hand, as `finback explain` writes it: one for each match",
        parameters: &[&WHAT],
        content: Content {
            media: JSON,
            schema: explanations,
        },
        source: Source::Pages,
    },
    Route {
        path: "/v1/status",
        summary: "Hooks, counters of the kernel programs, sizes of the tables",
        parameters: &[],
        content: Content {
            media: JSON,
            schema: || json!({"type": "object"}),
        },
        source: Source::Daemon(About::Status),
    },
    Route {
        path: "/v1/openapi.json",
        summary: "This document",
        parameters: &[],
        content: Content {
            media: JSON,
            schema: || json!({"type": "object"}),
        },
        source: Source::OpenApi,
    },
    Route {
        path: "/v1/event.schema.json",
        summary: "JSON Schema of an event",
        parameters: &[],
        content: Content {
            media: "application/schema+json",
            schema: || json!({"type": "object"}),
        },
        source: Source::Schema,
    },
    Route {
        path: "/metrics",
        summary: "Metrics for Prometheus; as OpenMetrics for who accepts `application/openmetrics-text`",
        parameters: &[&COLLECT],
        content: Content {
            media: Format::Classic.media(),
            schema: || json!({"type": "string"}),
        },
        source: Source::Metrics,
    },
    Route {
        path: "/healthz",
        summary: "Whether the process answers",
        parameters: &[],
        content: Content {
            media: "text/plain; charset=utf-8",
            schema: || json!({"const": "ok\n"}),
        },
        source: Source::Alive,
    },
    Route {
        path: "/readyz",
        summary: "Whether the engine answers",
        parameters: &[],
        content: Content {
            media: JSON,
            schema: || json!({"type": "object", "properties": {"ready": {"const": true}}, "required": ["ready"]}),
        },
        source: Source::Daemon(About::Readiness),
    },
];

const JSON: &str = "application/json";

/// What is served to whoever can reach a port, too.
const OPEN: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

impl Route {
    /// Whether it is served to whoever can reach a port.
    pub(super) fn is_open(&self) -> bool {
        OPEN.contains(&self.path)
    }
}

/// One event: in a file beside the document, as it is served beside it.
fn event() -> Value {
    json!({"$ref": "event.schema.json"})
}

fn list(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": {name: {"type": "array", "items": event()}},
        "required": [name],
    })
}

fn explanations() -> Value {
    json!({
        "type": "object",
        "properties": {
            "explanations": {"type": "array", "items": event()},
            "more": {"type": "integer", "description": "Matches that are not explained: the question was too wide"},
        },
        "required": ["explanations", "more"],
    })
}
