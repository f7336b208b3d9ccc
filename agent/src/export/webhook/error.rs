//! Why there can be no webhook.

use std::path::PathBuf;

/// A file that no signature can be made with.
#[derive(Debug, thiserror::Error)]
#[error("the webhook's secret in {path}: {what}", path = path.display())]
pub struct Error {
    /// Which.
    pub(super) path: PathBuf,
    /// What is wrong with it.
    pub(super) what: String,
}

impl Error {
    /// What to do about it.
    pub const HELP: &'static str = "write at least 16 bytes that nobody can guess into a file of root that nobody else \
                                    may read, for example: (umask 077; openssl rand -hex 32 > \
                                    /etc/finback/webhook.secret)";
}
