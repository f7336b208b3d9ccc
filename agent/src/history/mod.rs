//! What the stream has told, kept on disk: incidents, findings and, if asked, connections.
//!
//! A folder of segments, files that are only appended to, each a row of frames of lines as they were told. One daemon
//! writes ([`Keeper`]), whoever may reads ([`read()`]), also while it writes and when it is gone. The oldest segments go
//! when all together are too large or a segment is too old.

mod batch;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keeper;
mod latest;
mod line;
mod read;
mod segment;
mod statistics;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

pub use self::folder::Error;
pub use self::keeper::{Handle, Keeper};
pub use self::latest::Latest;
pub use self::line::Line;
pub use self::read::{Damage, Range, Reader, Trouble, Wanted, read};
pub use self::statistics::Statistics;
pub use self::writer::SLOW;

/// Where and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder, the history's own.
    pub path: PathBuf,
    /// All segments together are never larger, bytes.
    pub max_bytes: u64,
    /// What is older goes.
    pub max_age: Duration,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// All segments together are never larger, bytes.
    pub max_bytes: u64,
    /// What is older goes.
    pub max_age: Duration,
}
