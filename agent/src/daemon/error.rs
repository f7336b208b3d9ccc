//! Why the daemon ends early.

use std::io;
use std::net::SocketAddr;

use crate::export::webhook;
use crate::kernel::KernelError;
use crate::remedy;
use crate::server;

/// Why the daemon ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] server::Error),
    /// Somebody who is to be told cannot be.
    #[error(transparent)]
    Webhook(#[from] webhook::Error),
    /// The kernel side does not work.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// It cannot serve metrics over TCP.
    #[error("cannot serve metrics on {address}: {source}")]
    Metrics {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// A remedy is not safe to have.
    #[error(transparent)]
    Remedy(#[from] remedy::Unsafe),
    /// The collector cannot be told as the configuration says.
    #[error("[otlp]: {0}")]
    Otlp(String),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    /// Another system call failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// For `map_err`: what was being done when it failed.
pub(super) fn failed(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { what, source }
}
