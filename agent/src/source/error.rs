//! Why there is no answer.

use std::io;
use std::path::{Path, PathBuf};

use crate::client;
use crate::history;
use crate::kernel::KernelError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No look could be made.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The daemon could not be asked.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// There is no history to be read.
    #[error(transparent)]
    History(#[from] history::Error),
    /// It refused.
    #[error("the daemon refuses {path}: {status}{reason}")]
    Refused {
        /// What was asked for.
        path: &'static str,
        /// The status of its answer.
        status: u16,
        /// What it said, after a colon.
        reason: String,
    },
    /// It speaks of things that this version does not know.
    #[error("the daemon's answer cannot be understood: {0}")]
    Answer(#[source] serde_json::Error),
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a file is none of ours.
    #[error("{}: line {line}: {source}", path.display())]
    Line {
        /// Its path.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// What was found could not be written.
    #[error("{0}")]
    Output(#[source] io::Error),
    /// The client's runtime could not be started.
    #[error("{0}")]
    Runtime(#[source] io::Error),
}

/// What a reading of this file failed of.
pub(super) fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        source,
    }
}
