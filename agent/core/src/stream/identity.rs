//! Who a connection is: what goes on from the full socket to the minisock, and what every event shows.

use std::num::NonZeroU64;

use crate::model::event::Connection;
use crate::model::socket::{Attribution, Endpoints, Owner, Role, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// Who a connection is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) key: SocketKey,
    /// Its beginning was seen: it is no older than its name says.
    pub(super) born: bool,
    pub(super) endpoints: Endpoints,
    pub(super) role: Role,
    /// Its opener or, as long as none is known, the first holder found.
    pub(super) owner: Option<Owner>,
    pub(super) inode: Option<u64>,
    cookie: Option<NonZeroU64>,
    /// The other end was on this host and is no more.
    pub(super) gone: Option<Gone>,
    /// Last FIN or RST that was not accepted at once and that no event has shown yet.
    pub(super) refused: Option<Timestamp>,
    /// What was last told of it is of this moment; 0 if nothing was.
    pub(super) told: Timestamp,
}

/// What is remembered of an end that is no more.
#[derive(Clone, Debug)]
pub(super) struct Gone {
    /// Its process, if that was known.
    pub(super) owner: Option<Owner>,
}

impl Identity {
    pub(super) const fn new(key: SocketKey, endpoints: Endpoints, role: Role) -> Self {
        Self {
            key,
            born: false,
            endpoints,
            role,
            owner: None,
            inode: None,
            cookie: None,
            gone: None,
            refused: None,
            told: Timestamp::from_nanos(0),
        }
    }

    /// Takes over a better known owner.
    pub(super) fn offer_owner(&mut self, owner: &Owner) {
        let known = self.owner.as_ref().map_or(u8::MAX, |o| rank(o.attribution));
        if rank(owner.attribution) < known {
            self.owner = Some(owner.clone());
        }
    }

    /// Takes over the cookie, once somebody has asked the kernel for it.
    pub(super) fn offer_cookie(&mut self, cookie: Option<u64>) {
        self.cookie = cookie.and_then(NonZeroU64::new).or(self.cookie);
    }

    /// Takes over the role, if it is known.
    pub(super) fn offer_role(&mut self, role: Role) {
        if role != Role::Unknown {
            self.role = role;
        }
    }

    /// As an event shows it.
    pub(super) fn shown(&self, state: TcpState, peer_owner: Option<Owner>) -> Connection {
        Connection {
            key: self.key,
            endpoints: self.endpoints,
            role: self.role,
            state,
            owner: self.owner.clone(),
            peer_owner,
            peer_state: None,
            inode: self.inode,
            cookie: self.cookie.map(NonZeroU64::get),
        }
    }
}

/// Owners seen in the act come before those found by looking.
const fn rank(attribution: Attribution) -> u8 {
    match attribution {
        Attribution::Connect | Attribution::Accept => 0,
        Attribution::Holder => 1,
        Attribution::Inherited => 2,
        Attribution::Listener => 3,
        Attribution::Unknown => 4,
    }
}
