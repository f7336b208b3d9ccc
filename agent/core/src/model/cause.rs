//! Why a state changed and what that means for an open finding.

use std::time::Duration;

use super::finding::Resolution;
use super::observation::StateChange;
use super::state::{Cause, TcpState};
use super::time::Timestamp;

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

/// An orphan waits in FIN_WAIT2 for longer: 3.5 times the smallest retransmission timeout.
const SHORTEST_ORPHAN: Duration = Duration::from_millis(500);

/// Why the kernel made this change at `time`.
pub(crate) fn cause(change: &StateChange, time: Timestamp) -> Cause {
    match change.to {
        TcpState::SynSent => Cause::AppConnect,
        TcpState::Listen => Cause::AppListen,
        TcpState::SynReceived | TcpState::Established => Cause::Handshake,
        TcpState::CloseWait | TcpState::Closing => Cause::FinReceived,
        TcpState::FinWait1 | TcpState::LastAck => app(change).unwrap_or(Cause::FinSent),
        TcpState::FinWait2 => Cause::FinAcked,
        TcpState::TimeWait => into_time_wait(change.from),
        TcpState::Closed => closed(change, time),
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

fn closed(change: &StateChange, time: Timestamp) -> Cause {
    match change.error {
        0 => closed_without_error(change, time),
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

/// An orderly end, the application's own abort, the timer of an orphan, or what the kernel does not tell.
fn closed_without_error(change: &StateChange, time: Timestamp) -> Cause {
    match change.from {
        TcpState::LastAck | TcpState::Closing => Cause::Finished,
        TcpState::FinWait2 | TcpState::TimeWait if change.fin_received => Cause::Finished,
        TcpState::TimeWait => Cause::Timeout,
        TcpState::FinWait1 | TcpState::FinWait2 => closed_early(change, time),
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

/// Closed without an error before the peer's FIN came.
fn closed_early(change: &StateChange, time: Timestamp) -> Cause {
    if change.actor.is_some() {
        // connect(AF_UNSPEC); or a close while TCP_LINGER2 is negative or too much memory is used by orphans.
        return app(change).unwrap_or(Cause::AppClose);
    }
    let orphan = change.from == TcpState::FinWait2 && (change.closed || change.dead);
    if !orphan {
        // An orphan's retransmissions end with an error: without one, memory was short or the kernel does not say.
        return Cause::Unknown;
    }
    match change.entered.map(|entered| time.since(entered)) {
        // Its timer runs for longer. A minisock may have taken over untold, data may have come that nobody can read,
        // or TCP_LINGER2 is negative.
        Some(after) if after < SHORTEST_ORPHAN => Cause::Unknown,
        Some(_) | None => Cause::Timeout,
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
