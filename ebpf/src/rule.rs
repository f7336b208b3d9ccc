//! The decisions of the kernel programs that need no kernel: what they do with numbers once read.

use finback_common::place::life_flag;
use finback_common::tcp;

/// `SOCK_DEAD` of `enum sock_flags`: no descriptor refers to the socket.
pub(crate) const SOCK_DEAD: u64 = 1 << 0;
/// `SOCK_DONE`: only `tcp_fin` sets it, so the peer's FIN was accepted.
pub(crate) const SOCK_DONE: u64 = 1 << 1;

/// The kernel thread flag of `task_struct.flags`.
pub(crate) const PF_KTHREAD: u32 = 0x0020_0000;
/// The task is ending.
pub(crate) const PF_EXITING: u32 = 0x0000_0004;

/// Whether a change of state starts a new connection under this socket's address: connect, listen, or the
/// child of a listener.
#[inline(always)]
pub(crate) const fn begins(old: u8, new: u8) -> bool {
    matches!(
        (old, new),
        (tcp::CLOSE, tcp::SYN_SENT | tcp::LISTEN) | (tcp::LISTEN, tcp::SYN_RECV)
    )
}

/// Whether a system call of the socket's own process made the change. A close without error
/// straight from an open state is the application's own abort: unread data, linger 0 or disconnect.
#[inline(always)]
pub(crate) const fn by_application(old: u8, new: u8, error: u32) -> bool {
    match new {
        tcp::SYN_SENT | tcp::FIN_WAIT1 | tcp::LAST_ACK | tcp::LISTEN => true,
        tcp::CLOSE => error == 0 && matches!(old, tcp::ESTABLISHED | tcp::CLOSE_WAIT | tcp::LISTEN),
        _ => false,
    }
}

/// Whether the agent should learn of the change within 5 ms: it opens or resolves a finding.
#[inline(always)]
pub(crate) const fn is_urgent(old: u8, new: u8) -> bool {
    old == tcp::CLOSE_WAIT || new == tcp::CLOSE_WAIT
}

/// Whether a segment's FIN or RST is one that the stack does not take at once: a FIN behind a hole, or an RST
/// that is not exactly at RCV.NXT and so draws a challenge ACK (RFC 5961 §3.2). Old duplicates do not count.
#[inline(always)]
pub(crate) const fn is_refused(flags: u8, state: u8, seq: u32, rcv_nxt: u32) -> bool {
    if matches!(state, tcp::SYN_SENT | tcp::LISTEN | tcp::CLOSE) {
        return false;
    }
    let ahead = seq.wrapping_sub(rcv_nxt).cast_signed();
    if flags & tcp::FLAG_RST != 0 {
        ahead != 0
    } else {
        ahead > 0
    }
}

/// What the kernel's flags of a socket and of a task are in our terms. Without branches: to the verifier each would
/// double what follows.
#[inline(always)]
pub(crate) const fn momentary(sock_flags: u64, task_flags: u32) -> u8 {
    const DEAD: u32 = life_flag::DEAD.trailing_zeros() - SOCK_DEAD.trailing_zeros();
    const DONE: u32 = life_flag::DONE.trailing_zeros() - SOCK_DONE.trailing_zeros();
    const EXITING: u32 = life_flag::EXITING.trailing_zeros() - PF_EXITING.trailing_zeros();
    let sock = (sock_flags & SOCK_DEAD) << DEAD | (sock_flags & SOCK_DONE) << DONE;
    let task = (task_flags & PF_EXITING) << EXITING;
    // All of it is in the lowest byte.
    sock.to_le_bytes()[0] | task.to_le_bytes()[0]
}

/// Whether a change of state shows that what is known under this address, last seen in `known`, is of an older
/// connection: it begins, or its first change that every hook sees does not fit. (`tcp_set_state` does not see a
/// child's first moments.)
#[inline(always)]
pub(crate) const fn is_first(old: u8, new: u8, known: u8) -> bool {
    begins(old, new) || (old == tcp::SYN_RECV && known != tcp::SYN_RECV)
}

/// Bytes written since `write_seq` was `at_fin`. In LAST_ACK our own FIN counts as one and is none of them.
#[inline(always)]
pub(crate) const fn written_since(at_fin: u32, write_seq: u32, state: u8) -> u32 {
    let written = write_seq.wrapping_sub(at_fin);
    if state == tcp::LAST_ACK {
        written.saturating_sub(1)
    } else {
        written
    }
}

/// `RCV_SHUTDOWN | SEND_SHUTDOWN`: what the end of a connection leaves in `sk_shutdown`.
const BOTH_SHUT: u8 = 3;

/// Whether a receive that returns nothing does so because the peer has ended the connection: by FIN, or by a reset.
#[inline(always)]
pub(crate) const fn tells_end(state: u8, sock_flags: u64, shutdown: u8) -> bool {
    sock_flags & SOCK_DONE != 0 || (state == tcp::CLOSE && shutdown == BOTH_SHUT)
}

/// What to do about waking the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Leave it: it polls, or somebody else's wake-up is young enough.
    No,
    /// Wake it.
    Yes,
    /// Wake it if the ring holds much.
    IfFull,
}

/// Even under pressure the agent is woken at most once in a millisecond: a wake-up costs microseconds.
const PRESSURE_NS: u64 = 1_000_000;

/// Decides by the age of the last wake-up. The agent keeps polling for longer than `limit_ns` after a
/// wake-up, so a record that finds a younger one is read without another.
#[inline(always)]
pub(crate) const fn wake(since_last_ns: u64, limit_ns: u64) -> Wake {
    if since_last_ns >= limit_ns {
        Wake::Yes
    } else if since_last_ns >= PRESSURE_NS {
        Wake::IfFull
    } else {
        Wake::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_begins_with_connect_listen_or_a_child() {
        assert!(begins(tcp::CLOSE, tcp::SYN_SENT));
        assert!(begins(tcp::CLOSE, tcp::LISTEN));
        assert!(begins(tcp::LISTEN, tcp::SYN_RECV));
        assert!(!begins(tcp::SYN_RECV, tcp::ESTABLISHED));
        assert!(!begins(tcp::LISTEN, tcp::CLOSE));
    }

    #[test]
    fn an_abort_by_the_application_has_no_error() {
        assert!(by_application(tcp::ESTABLISHED, tcp::CLOSE, 0));
        assert!(!by_application(tcp::ESTABLISHED, tcp::CLOSE, 104));
        assert!(!by_application(tcp::LAST_ACK, tcp::CLOSE, 0));
        assert!(!by_application(tcp::ESTABLISHED, tcp::CLOSE_WAIT, 0));
    }

    #[test]
    fn a_fin_behind_a_hole_is_refused_and_an_old_one_is_not() {
        assert!(is_refused(tcp::FLAG_FIN, tcp::ESTABLISHED, 1010, 1000));
        assert!(!is_refused(tcp::FLAG_FIN, tcp::ESTABLISHED, 1000, 1000));
        assert!(!is_refused(tcp::FLAG_FIN, tcp::CLOSE_WAIT, 999, 1000));
        assert!(
            is_refused(tcp::FLAG_FIN, tcp::ESTABLISHED, 5, u32::MAX - 5),
            "sequence numbers wrap"
        );
    }

    #[test]
    fn a_reset_is_taken_only_at_rcv_nxt() {
        assert!(!is_refused(tcp::FLAG_RST, tcp::ESTABLISHED, 1000, 1000));
        assert!(is_refused(tcp::FLAG_RST, tcp::ESTABLISHED, 1001, 1000));
        assert!(is_refused(tcp::FLAG_RST, tcp::ESTABLISHED, 999, 1000));
        assert!(
            !is_refused(tcp::FLAG_RST, tcp::SYN_SENT, 0, 1000),
            "there the acknowledgment number counts"
        );
    }

    #[test]
    fn an_address_that_begins_anew_is_another_connection() {
        assert!(is_first(tcp::CLOSE, tcp::SYN_SENT, tcp::CLOSE));
        assert!(is_first(tcp::LISTEN, tcp::SYN_RECV, tcp::LAST_ACK));
        assert!(is_first(tcp::SYN_RECV, tcp::ESTABLISHED, tcp::CLOSE));
        assert!(!is_first(tcp::SYN_RECV, tcp::ESTABLISHED, tcp::SYN_RECV));
        assert!(
            !is_first(tcp::FIN_WAIT1, tcp::FIN_WAIT2, tcp::ESTABLISHED),
            "a change was missed"
        );
    }

    #[test]
    fn the_kernels_flags_become_ours() {
        assert_eq!(momentary(0, 0), 0);
        assert_eq!(momentary(SOCK_DEAD, !PF_EXITING), life_flag::DEAD);
        assert_eq!(momentary(!SOCK_DEAD, 0), life_flag::DONE);
        assert_eq!(momentary(0, PF_EXITING), life_flag::EXITING);
    }

    #[test]
    fn our_own_fin_is_no_byte() {
        assert_eq!(written_since(u32::MAX, 4, tcp::CLOSE_WAIT), 5);
        assert_eq!(written_since(10, 10, tcp::CLOSE_WAIT), 0);
        assert_eq!(written_since(10, 11, tcp::LAST_ACK), 0);
        assert_eq!(written_since(10, 16, tcp::LAST_ACK), 5);
    }

    #[test]
    fn the_end_is_told_after_a_fin_and_after_a_reset_but_not_after_our_own_shutdown() {
        assert!(tells_end(tcp::CLOSE_WAIT, SOCK_DONE, 1));
        assert!(tells_end(tcp::CLOSE, 0, 3));
        assert!(!tells_end(tcp::ESTABLISHED, 0, 1));
        assert!(!tells_end(tcp::FIN_WAIT2, 0, 3));
    }

    #[test]
    fn a_young_wake_up_serves_later_records() {
        assert_eq!(wake(50_000_000, 50_000_000), Wake::Yes);
        assert_eq!(wake(49_999_999, 50_000_000), Wake::IfFull);
        assert_eq!(wake(PRESSURE_NS - 1, 5_000_000), Wake::No);
    }
}
