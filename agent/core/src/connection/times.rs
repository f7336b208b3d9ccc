//! When things happened to a socket, by its own stamps.

use std::time::Duration;

use super::sleep::Sleeps;
use crate::model::look::{Snapshot, SocketView};
use crate::model::time::Timestamp;

/// How exact such a stamp is: a jiffy of the coarsest kernels, and what passes until one is counted.
pub(crate) const EXACTNESS: Duration = Duration::from_millis(20);

/// To within [`EXACTNESS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// Data was last sent; retransmissions and probes that carry data count.
    pub(crate) sent: Timestamp,
    /// Data was last received. A FIN without data does not count.
    pub(crate) received: Timestamp,
    /// Anything was last received: also the answer to a probe.
    pub(crate) heard: Timestamp,
    /// What was so when the peer ended the connection, if that is remembered.
    pub(crate) at_end: Option<Before>,
}

/// Before the peer ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// Data was last sent.
    pub(crate) sent: Timestamp,
    /// Data was last received.
    pub(crate) received: Timestamp,
}

impl Times {
    /// Of a socket that a look shows; `None` where that does not read the stamps.
    pub(crate) fn of(view: &SocketView, snapshot: &Snapshot, sleeps: &Sleeps) -> Option<Self> {
        let counters = view.counters?;
        // A connection in an accept queue is looked at through the queue, which does not show them.
        counters.snd_una?;
        let moment = |then| sleeps.moment(snapshot, then);
        let received = moment(counters.last_received)?;
        let at_end = view.half().and_then(|half| {
            Some(Before {
                sent: moment(half.last_sent)?,
                received: moment(half.last_received)?,
            })
        });
        Some(Self {
            sent: moment(counters.last_sent)?,
            received,
            heard: received.max(moment(counters.last_heard)?),
            at_end,
        })
    }

    /// The last moment at which it was used, by whomever: what waits unread was not used.
    pub(crate) fn used(&self, unread: u32) -> Timestamp {
        if unread > 1 {
            self.sent
        } else {
            self.sent.max(self.received)
        }
    }
}
