//! What a program feels when its socket is destroyed (`tcp_abort` of `net/ipv4/tcp.c`; the same on 5.10 to 7.3).

use super::Target;
use crate::output::json::State;

/// Programs that feel the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feeling {
    /// The peer had sent its FIN.
    HalfClosed,
    /// Nothing had come to an end.
    Open,
    Connecting,
    Queued,
    Listening,
}

impl Feeling {
    pub(super) const fn of(target: &Target<'_>) -> Self {
        match target.state {
            _ if target.listed.queued => Self::Queued,
            State::Listen => Self::Listening,
            State::SynSent => Self::Connecting,
            State::CloseWait | State::LastAck | State::Closing => Self::HalfClosed,
            State::Closed
            | State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::TimeWait => Self::Open,
        }
    }

    pub(super) const fn sockets(self) -> &'static str {
        match self {
            Self::HalfClosed => "after the peer's FIN (CLOSE_WAIT)",
            Self::Open => "open (ESTABLISHED and the like)",
            Self::Connecting => "connecting (SYN_SENT)",
            Self::Queued => "not accepted yet",
            Self::Listening => "listening (LISTEN)",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::HalfClosed => {
                "read gives what waits, then 0 (end of stream), as before; the first write fails with ECONNABORTED, \
                 every later one with EPIPE; poll and epoll wake with ERR and HUP. Port, buffers and peer are free: the \
                 peer gets a reset."
            }
            Self::Open => {
                "read gives what waits, then read (also one that is waiting) or write, whichever is first, fails with \
                 ECONNABORTED; after that read gives 0 and write fails with EPIPE; poll and epoll wake with ERR and \
                 HUP. The peer gets a reset (ECONNRESET)."
            }
            Self::Connecting => "connect fails with ECONNABORTED.",
            Self::Queued => {
                "accept still returns it, and the first use of it fails as if it were open. The peer gets a reset."
            }
            Self::Listening => {
                "accept fails with EINVAL, those who wait in its queue get a reset, and new clients are refused \
                 (ECONNREFUSED) until the program listens again."
            }
        }
    }
}
