//! Telling other programs: exporters.
//!
//! An exporter is a reader of the feed that makes parcels of lines (its [`Packer`]) and takes them to one receiver (its
//! [`Carrier`]), with a bounded queue between the two ([`Outbox`]). All of them live on one thread of their own: a
//! receiver that is slow or gone costs the daemon nothing, and its memory no more than the queue's bounds.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod http;
mod job;
pub mod journal;
mod labels;
mod metrics;
pub mod otlp;
pub mod outbox;
#[cfg(test)]
mod tests;
mod threads;
mod threshold;
pub mod webhook;

pub use self::job::{Job, Packer};
pub use self::outbox::{Answer, Carrier, Limits, Outbox, Parcel, Reason, State, Status};
pub use self::threads::{Exporters, Handle};
pub use self::threshold::{Passage, Threshold};

/// The reason of what an exporter lost because it did not read the feed in time.
pub const SLOW: &str = "exporter_slow";
