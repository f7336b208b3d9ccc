//! What the other engine knows of a connection, if it runs.

use crate::connection::OtherEnd;
use crate::model::socket::{Endpoints, SocketKey};

/// One connection has one name in findings and in the stream.
pub(crate) trait Names {
    /// The name of the connection that has this socket.
    fn key(&self, sock: u64, endpoints: Endpoints) -> Option<SocketKey>;
    /// The other end, if that is or was on this host.
    fn other_end(&self, sock: u64, endpoints: Endpoints) -> Option<OtherEnd>;
}
