//! Readers that are slow, that rest, and that do not read at all.

use super::*;

/// Its window is shut by what waits, after so much was read.
fn full(state: TcpState, unread: u32, read: u64) -> SocketView {
    let view = SocketView { state, ..view(1) };
    counted(view, |c| {
        (c.unread, c.bytes_received) = (unread, read + u64::from(unread));
        c.window = Some(0);
    })
}

fn world() -> World {
    World::scanning(Settings::default())
}

#[test]
fn must_not_flag_a_limited_download_that_sleeps_for_seventy_seconds_between_two_bursts() {
    for (pause, burst) in [(70_000, 10_500_000), (18_000, 600_000)] {
        let mut world = world();
        world.run(3_600_000, |now| {
            let read = (now / pause + 1) * burst;
            vec![full(TcpState::Established, 200_000, read)]
        });
        assert!(world.findings.is_empty(), "{:?}", world.verdicts());
    }
}

#[test]
fn must_not_flag_a_window_that_is_shut_for_want_of_memory() {
    let mut world = world();
    world.run(600_000, |_| vec![full(TcpState::Established, 0, 300_000)]);
    assert!(world.findings.is_empty());
}

#[test]
fn must_not_hide_an_upload_that_is_never_drained_after_an_early_answer() {
    let mut world = world();
    world.run(100_000, |_| vec![full(TcpState::FinWait2, 200_000, 300)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
}

#[test]
fn must_not_hide_a_body_that_is_not_read() {
    let mut world = world();
    world.run(100_000, |_| vec![full(TcpState::Established, 200_000, 300)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
}

#[test]
fn must_not_hide_a_subscriber_that_is_cut_off_with_a_full_window() {
    let mut world = world();
    let stuck = |_| vec![full(TcpState::Established, 200_000, 80_000_000)];
    world.run(290_000, stuck);
    assert!(world.findings.is_empty(), "it has read before");
    world.run(400_000, stuck);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NeverReads)]);
}

#[test]
fn a_reader_that_comes_back_has_its_pauses_from_then_on() {
    let mut world = world();
    world.half_closed(1, 0);
    // A batch every 20 seconds; the first rest looks like any other silence.
    world.run(600_000, |now| {
        let batches = u32::try_from(now / 20_000).unwrap();
        vec![counted(view(1), |c| c.unread = 1_000_000 - batches * 1_000)]
    });
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Resolved, Verdict::EofUnread)
        ]
    );
    assert_eq!(world.resolution(), Some(Resolution::Resumed));
}

#[test]
fn a_reader_that_stops_for_good_is_found_after_six_of_its_pauses() {
    let mut world = world();
    world.half_closed(1, 0);
    let answer = |now: u64| {
        let batches = u32::try_from(now.min(100_000) / 20_000).unwrap();
        vec![counted(view(1), |c| c.unread = 1_000_000 - batches * 1_000)]
    };
    world.run(215_000, answer);
    assert!(world.engine.findings().is_empty());
    world.run(400_000, answer);
    assert_eq!(world.last().action, Action::Opened);
    assert_eq!(world.last().verdict, Verdict::EofUnread);
}

#[test]
fn must_not_flag_a_download_that_goes_on_as_slowly_after_the_end_has_come() {
    let mut world = world();
    let read = |now: u64| (now / 70_000 + 1) * 500_000;
    world.run(300_000, |now| {
        vec![full(TcpState::Established, 200_000, read(now))]
    });
    world.kernel.half.insert(
        sock(1),
        HalfClosed {
            unread: 200_001,
            ..fin(301_000)
        },
    );
    world.run(900_000, |now| {
        let bursts = now / 70_000 - 4;
        let left = u32::try_from(200_001 - bursts * 10_000).unwrap();
        let read = read(280_000) + bursts * 10_000;
        vec![full(TcpState::CloseWait, left, read)]
    });
    assert!(world.findings.is_empty(), "{:?}", world.verdicts());
}
