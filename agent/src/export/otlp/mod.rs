//! OTLP over HTTP with protobuf: incidents and findings as log records, and metrics, for an OpenTelemetry collector.
//!
//! Two exporters, each with a queue and a connection of its own: a receiver that has no place for metrics loses nothing
//! else. The mapping is made of pure functions ([`record`], [`metrics`]); the rest only carries.

mod collector;
mod logs;
mod metrics;
mod partial;
mod record;
mod resource;
mod subject;
mod value;

#[cfg(test)]
mod tests;

pub use collector::Collector;
pub use logs::{Logs, Record};
pub use metrics::{Metrics, Reading, Span};
pub use resource::Host;

/// What answers say that was not taken: of logs and of metrics.
#[cfg(any(test, fuzzing))]
pub(super) fn partial_of(answer: &[u8]) -> [Option<String>; 2] {
    [logs::partial(answer), metrics::partial(answer)].map(|partial| Some(partial?.why))
}
