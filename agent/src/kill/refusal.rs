//! What cannot be destroyed, or must be asked for twice.

use crate::output::json::{Listed, State};

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// In TIME_WAIT.
    TimeWait,
    /// Its program has closed it.
    NoDescriptor,
    /// Over already.
    Closed,
    /// A listener that was not asked for.
    Listener,
    /// Cannot be told from another one.
    NoCookie,
}

impl Refusal {
    /// If there is a reason in what the line says.
    pub(super) const fn of(state: State, listed: &Listed<'_>, listeners: bool) -> Option<Self> {
        if matches!(state, State::TimeWait) {
            Some(Self::TimeWait)
        } else if matches!(state, State::Closed) {
            Some(Self::Closed)
        } else if matches!(state, State::Listen) && !listeners {
            Some(Self::Listener)
        } else if listed.holders.is_empty() && !listed.queued {
            Some(Self::NoDescriptor)
        } else {
            None
        }
    }

    /// The reason, after a number of sockets.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TimeWait => {
                "in TIME_WAIT: no program has them any more, and they end by themselves within a minute"
            }
            Self::NoDescriptor => {
                "closed by their program already: the kernel ends them by itself (tcp_fin_timeout, tcp_orphan_retries)"
            }
            Self::Closed => {
                "closed but held: their connection is over and the kernel does not list them any more; what is left is a \
                 descriptor, and only its process can close that"
            }
            Self::Listener => {
                "listening: without them a service is gone; --listeners takes them, too"
            }
            Self::NoCookie => {
                "without a cookie: they came after the list was made, or their network namespace cannot be entered, and \
                 nothing would tell them from others"
            }
        }
    }
}
