//! What is known of a connection that is being watched: data that looks and records fill in and rules judge by.

pub(crate) mod clock;
mod pauses;
pub(crate) mod progress;
pub(crate) mod sleep;
mod spin;
pub(crate) mod times;

use std::sync::Arc;
use std::time::Duration;

use crate::model::look::{HalfClosed, SocketView};
use crate::model::socket::{Attribution, Endpoints, Owner, Role, SocketKey};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// A write so soon after the FIN may have crossed it: the application could not have known.
pub(crate) const CROSSING: Duration = Duration::from_millis(100);

/// The peer's FIN, once the connection is half-closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Fin {
    /// When it was accepted, or when the socket was first seen in CLOSE_WAIT.
    pub(crate) since: Timestamp,
    /// `since` is the FIN's moment.
    pub(crate) exact: bool,
    /// Bytes and FIN that waited to be read at that moment.
    pub(crate) unread: Option<u32>,
}

impl Fin {
    /// Of a socket that a look found in CLOSE_WAIT.
    pub(crate) fn found(view: &SocketView, taken: Timestamp) -> Self {
        Self {
            since: view.half().map_or(taken, |half| half.fin_at),
            exact: view.half().is_some(),
            unread: view.half().map(|half| half.unread),
        }
    }

    /// When the FIN was accepted, if that was seen.
    pub(crate) fn accepted_at(&self) -> Option<Timestamp> {
        self.exact.then_some(self.since)
    }

    /// Takes over what a later look knows better.
    pub(crate) fn learn(&mut self, half: &HalfClosed) {
        if !self.exact {
            self.since = half.fin_at;
            self.exact = true;
            self.unread = self.unread.or(Some(half.unread));
        }
    }
}

/// The other end of a connection, where that is on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OtherEnd {
    /// Its process, if known.
    pub(crate) owner: Option<Owner>,
    /// Its state.
    pub(crate) state: TcpState,
    /// Its socket and which end it is, if a descriptor was found that refers to it.
    pub(crate) held: Option<(u64, Role)>,
}

/// When the end-of-stream was handed to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Delivery {
    /// First.
    pub(crate) at: Option<Timestamp>,
    /// How often.
    pub(crate) count: u32,
    /// To this process first, if that was seen.
    pub(crate) by: Option<u32>,
}

impl Delivery {
    /// Takes over what was seen of it.
    pub(crate) fn offer(&mut self, at: Timestamp, count: u32, by: Option<u32>) {
        let first = self.at.is_none_or(|known| at <= known);
        self.by = if first {
            by.or(self.by)
        } else {
            self.by.or(by)
        };
        self.at = Some(self.at.map_or(at, |known| known.min(at)));
        self.count = self.count.max(count);
    }
}

/// A connection that is being watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Connection {
    pub(crate) key: SocketKey,
    pub(crate) endpoints: Endpoints,
    pub(crate) role: Role,
    pub(crate) state: TcpState,
    /// It is in that state since then, or was first seen in it.
    pub(crate) since: Timestamp,
    /// Its opener or, as long as none is known, the first holder found.
    pub(crate) owner: Option<Owner>,
    pub(crate) inode: Option<u64>,
    pub(crate) cookie: Option<u64>,
    /// The peer's FIN, if it is half-closed or was when its end came.
    pub(crate) fin: Option<Fin>,
    pub(crate) delivery: Delivery,
    /// Bytes written after the peer's FIN.
    pub(crate) written: u32,
    /// Data was last sent then, if that is known and after the FIN.
    pub(crate) sent_at: Option<Timestamp>,
}

impl Connection {
    /// Of a socket that a look found.
    pub(crate) fn found(key: SocketKey, view: &SocketView, taken: Timestamp) -> Self {
        let by_fin = view.half().is_some_and(|half| !half.by_reset);
        let half_closed = view.state == TcpState::CloseWait || by_fin;
        let mut connection = Self {
            key,
            endpoints: view.endpoints,
            role: view.role,
            state: view.state,
            since: entered(view, taken),
            owner: None,
            inode: None,
            cookie: None,
            fin: half_closed.then(|| Fin::found(view, taken)),
            delivery: Delivery::default(),
            written: 0,
            sent_at: None,
        };
        connection.absorb(view, taken);
        connection
    }

    /// Takes over what a look knows better.
    pub(crate) fn absorb(&mut self, view: &SocketView, taken: Timestamp) {
        if let Some(opener) = &view.opener {
            self.offer_owner(opener);
        }
        if self.owner.is_none()
            && view.queued.is_none()
            && let Some(holder) = view.holders.iter().min_by_key(|h| (h.process.id, h.fd))
        {
            self.owner = Some(Owner {
                process: Arc::clone(&holder.process),
                thread: None,
                attribution: Attribution::Holder,
                since: taken,
            });
        }
        self.inode = view.inode.or(self.inode);
        self.cookie = view.cookie.or(self.cookie);
        if view.role != Role::Unknown {
            self.role = view.role;
        }
        if view.endpoints.local.port() != 0 {
            self.endpoints = view.endpoints;
        }
        let Some(half) = &view.half else {
            return;
        };
        if let Some(at) = half.eof_at {
            self.delivery.offer(at, half.eof_count, half.eof_by);
        }
        if let Some(fin) = &mut self.fin {
            fin.learn(half);
        }
        let written = written_since(view).filter(|_| !half.by_reset);
        self.written = self.written.max(written.unwrap_or(0));
    }

    /// When it was accepted, if that was seen.
    pub(crate) fn accepted_at(&self) -> Option<Timestamp> {
        let owner = self.owner.as_ref()?;
        (owner.attribution == Attribution::Accept).then_some(owner.since)
    }

    /// Takes over what the stream knows.
    pub(crate) fn learn(&mut self, role: Role, owner: Option<&Owner>) {
        if self.role == Role::Unknown {
            self.role = role;
        }
        if let Some(owner) = owner {
            self.offer_owner(owner);
        }
    }

    /// Takes over a better known owner.
    pub(crate) fn offer_owner(&mut self, owner: &Owner) {
        let known = self.owner.as_ref().map_or(u8::MAX, |o| rank(o.attribution));
        if rank(owner.attribution) < known {
            self.owner = Some(owner.clone());
        }
    }

    /// Whether a look shows this connection and not a later one under the same socket's address.
    pub(crate) fn is_shown_by(&self, view: &SocketView) -> bool {
        let same_fin = match (&self.fin, &view.half) {
            (Some(fin), Some(half)) => !fin.exact || fin.since == half.fin_at,
            _ => true,
        };
        let same_file = match (self.inode, view.inode) {
            (Some(known), Some(seen)) => known == seen,
            // What was accepted does not wait in a queue again.
            (Some(_), None) => view.queued.is_none(),
            (None, _) => true,
        };
        // A closed socket has given its local port back.
        let ends = view.endpoints.local.port() == 0 || self.endpoints == view.endpoints;
        same_fin && same_file && ends
    }
}

/// When a socket that a look shows came into its state, or that it was seen then.
pub(crate) fn entered(view: &SocketView, taken: Timestamp) -> Timestamp {
    match (view.state, view.half()) {
        (TcpState::CloseWait, Some(half)) => half.fin_at,
        (TcpState::Closed, Some(half)) if half.by_reset => half.fin_at,
        _ => taken,
    }
}

/// Bytes written since the peer's FIN, if the numbers from then and now are known.
pub(crate) fn written_since(view: &SocketView) -> Option<u32> {
    let half = view.half()?;
    let now = view.counters?.write_seq?;
    let more = now.wrapping_sub(half.write_seq);
    // Going backwards is not writing: the socket was used for something else meanwhile.
    (more.cast_signed() >= 0).then_some(more)
}

/// Whether anything later than the FIN's own acknowledgement was acknowledged: somebody is there.
pub(crate) fn acknowledged_since(view: &SocketView) -> Option<bool> {
    let half = view.half()?;
    let now = view.counters?.snd_una?;
    Some(now.wrapping_sub(half.snd_una).cast_signed() > 0)
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
