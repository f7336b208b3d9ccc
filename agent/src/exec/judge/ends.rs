//! Whose connections they are, and what names them.

use std::net::SocketAddr;

use crate::output::clock::Time;
use crate::output::json::{Endpoint, Subject};

/// Whose processes these are.
pub trait Members {
    /// Whether the process that had this pid and started at this time belongs to the command.
    fn has(&mut self, pid: u32, start: Time) -> bool;
    /// When a process of the command ended, if it has.
    fn ended(&self, pid: u32) -> Option<Time>;
}

/// Addresses and network namespace.
pub(super) type Ends = (SocketAddr, SocketAddr, u32);

/// Who opened a connection that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) pid: u32,
    pub(super) name: Box<str>,
    pub(super) line: Vec<u8>,
}

pub(super) fn ends(subject: &Subject<'_>) -> Option<Ends> {
    let network = subject.network?;
    let (local, peer) = (address(network.local), address(network.peer));
    Some((local, peer, subject.socket?.netns))
}

pub(super) const fn address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}
