//! Time that the agent did not live through.

use super::particular::pooled;
use super::*;
use crate::model::look::Queued;

const HOUR: u64 = 3_600_000;

/// One connection in every kind of trouble.
fn trouble() -> Vec<SocketView> {
    let queued = |view| SocketView {
        holders: Vec::new(),
        inode: None,
        queued: Some(Box::new(Queued {
            listener: None,
            listeners: vec![holder(3, 3)],
            proven: true,
        })),
        ..view
    };
    let in_state = |state, n| SocketView {
        state,
        ..drained(n)
    };
    let all = [
        view(1),
        SocketView {
            half: Some(Box::new(HalfClosed {
                eof_at: Some(at(200)),
                eof_count: 1,
                ..fin(100)
            })),
            ..drained(2)
        },
        pooled(3),
        queued(view(4)),
        // Another process's: it carries on for none of these.
        held_by(9, in_state(TcpState::FinWait2, 5)),
        counted(in_state(TcpState::Closed, 6), |c| {
            (c.error, c.shutdown) = (104, 3);
        }),
        counted(in_state(TcpState::Established, 7), |c| {
            (c.unread, c.bytes_received, c.window) = (70_000, 70_000, Some(0));
        }),
        counted(in_state(TcpState::Established, 8), |c| {
            (c.unacked, c.retransmits) = (9, 5);
        }),
    ];
    all.map(|view| {
        let half_closed = view.state == TcpState::CloseWait;
        let half = half_closed.then(|| view.half().unwrap_or(fin(100)));
        SocketView {
            half: half.map(Box::new),
            ..view
        }
    })
    .into()
}

/// A second of work, and then nothing until the hour is over; `slept`: the whole host slept.
fn after_a_pause(slept: bool) -> World {
    let mut world = World::scanning(Settings::default());
    world.run(1_000, |_| trouble());
    world.kernel.slept = if slept { HOUR - 1_000 } else { 0 };
    world.engine.handle_timeout(at(HOUR));
    world.drain(at(HOUR), &|_| trouble());
    world
}

#[test]
fn nothing_is_due_at_once_after_the_host_has_slept_or_the_agent_was_frozen() {
    for slept in [true, false] {
        let mut world = after_a_pause(slept);
        world.run(HOUR + 500, |_| trouble());
        assert!(world.findings.is_empty(), "{:?}", world.verdicts());
        world.run(HOUR + 100_000, |_| trouble());
        let mut open: Vec<_> = world.findings.iter().map(|f| f.verdict).collect();
        open.sort_unstable();
        assert_eq!(
            open,
            [
                Verdict::EofUnread,
                Verdict::NotClosed,
                Verdict::NeverAccepted,
                Verdict::StalePooled,
                Verdict::DeadOpen,
                Verdict::NeverReads,
                Verdict::DeadPeer,
                Verdict::PeerNotClosing,
            ]
        );
    }
}

#[test]
fn a_pause_between_every_two_looks_counts_three_seconds_each_time() {
    let mut world = World::scanning(Settings::default());
    let unread = || SocketView {
        half: Some(Box::new(fin(100))),
        ..view(1)
    };
    world.run(1_000, |_| vec![unread()]);
    let mut opened = None;
    for night in 1..=10 {
        let now = at(night * HOUR);
        world.engine.handle_timeout(now);
        world.drain(now, &|_| vec![unread()]);
        opened = opened.or((!world.findings.is_empty()).then_some(night));
    }
    assert_eq!(opened, Some(4), "0.9 s, and three times three");
}

#[test]
fn what_was_heard_before_the_host_slept_is_no_sign_of_life_after_it() {
    let mut world = World::scanning(Settings::default());
    let ended = || {
        let half = HalfClosed {
            eof_at: Some(at(200)),
            eof_count: 1,
            ..fin(100)
        };
        SocketView {
            half: Some(Box::new(half)),
            ..counted(drained(1), |c| c.last_heard = 100)
        }
    };
    world.run(20_000, |_| vec![ended()]);
    let slept = 8 * HOUR;
    world.kernel.slept = slept;
    world.engine.handle_timeout(at(20_000 + slept));
    world.drain(at(20_000 + slept), &|_| vec![ended()]);
    world.run(60_000 + slept, |_| vec![ended()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().evidence.missing, ["peer"]);
}
