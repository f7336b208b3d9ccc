//! What the commands wait on.

use tokio::runtime::{Builder, Runtime};

use super::exit::Failure;

/// One thread is enough: the daemon's work is one loop, and what blocks has a thread of its own.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
