//! What is wrong with a configuration, where, and what to write instead.

use std::io::ErrorKind;
use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text is not TOML, has a key we do not know, or a value that does not fit.
    #[error("{path}:{line}: {what}", path = path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
        /// What is accepted.
        help: String,
    },
}

impl Error {
    /// One line: what to do about it.
    pub fn help(&self) -> &str {
        match self {
            Self::Unreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "run as a user who may read it, change its permissions or its directory's, or name another with --config"
            }
            Self::Unreadable { .. } => "check the path, or name another file with --config",
            Self::Wrong { help, .. } => help,
        }
    }
}
