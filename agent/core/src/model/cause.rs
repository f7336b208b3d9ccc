//! Why a state changed and what that means for an open finding.

use super::finding::Resolution;
use super::observation::StateChange;
use super::state::{Cause, TcpState};

/// `EPIPE`: a reset that came in CLOSE_WAIT.
const EPIPE: u32 = 32;
/// `ENETUNREACH`.
const ENETUNREACH: u32 = 101;
/// `ECONNABORTED`: `SOCK_DESTROY`.
const ECONNABORTED: u32 = 103;
/// `ECONNRESET`.
const ECONNRESET: u32 = 104;
/// `ETIMEDOUT`.
const ETIMEDOUT: u32 = 110;
/// `ECONNREFUSED`: a reset that came in SYN_SENT.
const ECONNREFUSED: u32 = 111;
/// `EHOSTUNREACH`.
const EHOSTUNREACH: u32 = 113;

/// Why the kernel made this change.
pub(crate) fn cause(change: &StateChange) -> Cause {
    match change.to {
        TcpState::SynSent => Cause::AppConnect,
        TcpState::Listen => Cause::AppListen,
        TcpState::SynReceived | TcpState::Established => Cause::Handshake,
        TcpState::CloseWait | TcpState::Closing => Cause::FinReceived,
        TcpState::FinWait1 | TcpState::LastAck => app(change).unwrap_or(Cause::FinSent),
        TcpState::FinWait2 => Cause::FinAcked,
        TcpState::TimeWait => into_time_wait(change.from),
        TcpState::Closed => closed(change),
    }
}

/// Why a connection enters TIME_WAIT from this state.
pub(crate) const fn into_time_wait(from: TcpState) -> Cause {
    if matches!(from, TcpState::Closing) {
        Cause::FinAcked
    } else {
        Cause::FinReceived
    }
}

/// What the application did before its FIN went out.
fn app(change: &StateChange) -> Option<Cause> {
    if change.exiting {
        Some(Cause::ProcessExit)
    } else if change.closed || change.dead {
        Some(Cause::AppClose)
    } else {
        None
    }
}

fn closed(change: &StateChange) -> Cause {
    match change.error {
        0 => closed_without_error(change),
        ECONNRESET if after_close(change) => Cause::ResetAfterClose,
        EPIPE | ECONNRESET | ECONNREFUSED => Cause::RstReceived,
        ETIMEDOUT => Cause::Timeout,
        ECONNABORTED => Cause::Destroyed,
        ENETUNREACH | EHOSTUNREACH => Cause::Unreachable,
        _ => Cause::Unknown,
    }
}

/// `tcp_rcv_state_process` calls `tcp_reset` for data that come after close as it does for an RST.
const fn after_close(change: &StateChange) -> bool {
    let waiting = matches!(change.from, TcpState::FinWait1 | TcpState::FinWait2);
    waiting && (change.closed || change.dead)
}

/// An orderly end, the application's own abort, or the timer of an orphan.
fn closed_without_error(change: &StateChange) -> Cause {
    match change.from {
        TcpState::LastAck | TcpState::Closing => Cause::Finished,
        TcpState::FinWait2 | TcpState::TimeWait if change.fin_received => Cause::Finished,
        TcpState::FinWait1 | TcpState::FinWait2 | TcpState::TimeWait => Cause::Timeout,
        // Only a close does that: with data unread it resets. A kernel thread makes it for io_uring.
        TcpState::CloseWait => app(change).unwrap_or(Cause::AppClose),
        TcpState::Established
        | TcpState::SynSent
        | TcpState::Listen
        | TcpState::SynReceived
        | TcpState::Closed => {
            let aborted = change.actor.is_some() || change.shutdown || change.unattached;
            app(change).unwrap_or(if aborted {
                Cause::AppClose
            } else {
                Cause::Unknown
            })
        }
    }
}

/// How a finding ends when its connection leaves CLOSE_WAIT for this reason.
pub(crate) const fn resolution(cause: Cause) -> Resolution {
    match cause {
        Cause::ProcessExit => Resolution::ProcessExited,
        Cause::RstReceived | Cause::ResetAfterClose => Resolution::Reset,
        Cause::Timeout | Cause::Unreachable => Resolution::TimedOut,
        Cause::Destroyed => Resolution::Destroyed,
        Cause::Resync | Cause::Unknown => Resolution::Resync,
        Cause::FinReceived => Resolution::PeerClosed,
        Cause::FinAcked => Resolution::Resumed,
        Cause::AppConnect
        | Cause::AppListen
        | Cause::AppAccept
        | Cause::Handshake
        | Cause::FinSent
        | Cause::AppClose
        | Cause::Reused
        | Cause::Finished => Resolution::ClosedByApp,
    }
}
