//! What the other engine knows of a connection, if it runs.

use crate::connection::OtherEnd;
use crate::model::socket::{Endpoints, Owner, Role, SocketKey};

/// What is known of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) key: SocketKey,
    /// Which end it is.
    pub(crate) role: Role,
    /// Who opened it.
    pub(crate) owner: Option<Owner>,
}

/// One connection has one name in findings and in the stream.
pub(crate) trait Names {
    /// The connection that has this socket.
    fn known(&self, sock: u64, endpoints: Endpoints) -> Option<Known>;
    /// The other end, if that is or was on this host.
    fn other_end(&self, sock: u64, endpoints: Endpoints) -> Option<OtherEnd>;
}
