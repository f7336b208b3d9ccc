//! Why a connection closed, as far as the kernel tells.

use super::*;

/// The cause that is told of a change to CLOSED.
fn cause(from: TcpState, edit: impl FnOnce(&mut StateChange)) -> Cause {
    let mut world = World::new();
    let mut change = change(1, from, TcpState::Closed);
    edit(&mut change);
    world.change(70_000, 1, change);
    world.transitions.last().unwrap().2
}

#[test]
fn a_reset_after_shutdown_is_the_peer_s_and_one_after_close_can_be_the_kernel_s() {
    for (closed, told) in [(false, Cause::RstReceived), (true, Cause::ResetAfterClose)] {
        for from in [TcpState::FinWait1, TcpState::FinWait2] {
            let reset = cause(from, |change| {
                change.error = 104;
                change.shutdown = true;
                change.closed = closed;
            });
            assert_eq!(reset, told);
        }
    }
}

#[test]
fn an_orphan_whose_timer_ends_has_timed_out() {
    let orphan = |after: u64| {
        cause(TcpState::FinWait2, |change| {
            change.dead = true;
            change.closed = true;
            change.entered = Some(at(70_000 - after));
        })
    };
    assert_eq!(orphan(60_000), Cause::Timeout);
    assert_eq!(orphan(1), Cause::Unknown, "no timer is so short");
}

#[test]
fn a_disconnect_is_the_application_s() {
    for from in [
        TcpState::Established,
        TcpState::FinWait1,
        TcpState::FinWait2,
    ] {
        let disconnected = cause(from, |change| {
            change.shutdown = true;
            change.actor = Some(7);
        });
        assert_eq!(disconnected, Cause::AppClose, "{from:?}");
    }
}

#[test]
fn a_close_without_memory_or_with_a_negative_linger_time_is_no_timeout() {
    for from in [TcpState::FinWait1, TcpState::FinWait2] {
        for (exiting, told) in [(false, Cause::AppClose), (true, Cause::ProcessExit)] {
            let aborted = cause(from, |change| {
                change.closed = true;
                change.exiting = exiting;
                change.actor = Some(7);
            });
            assert_eq!(aborted, told);
        }
    }
}

#[test]
fn why_an_orphan_in_fin_wait_1_ends_without_an_error_is_not_known() {
    let ended = cause(TcpState::FinWait1, |change| {
        change.dead = true;
        change.closed = true;
    });
    assert_eq!(ended, Cause::Unknown);
    let given_up = cause(TcpState::FinWait1, |change| change.error = 110);
    assert_eq!(given_up, Cause::Timeout);
}
