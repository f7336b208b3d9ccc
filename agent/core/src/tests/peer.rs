//! Who is left at the other end, and what that excuses.

use super::particular::pooled;
use super::*;
use crate::model::finding::{Confidence, Severity};
use crate::model::peer::Peer;

/// The client's end of the first connection, held by process 8.
fn client(state: TcpState) -> SocketView {
    SocketView {
        sock: sock(2),
        endpoints: ends(1).reversed(),
        state,
        role: Role::Client,
        inode: Some(2),
        ..held_by(8, drained(2))
    }
}

/// A server that was told of the end at once.
fn told() -> World {
    let mut world = World::new();
    world.half_closed(1, 100);
    world.eof(110, 1);
    world
}

#[test]
fn must_not_flag_a_server_whose_half_closed_client_waits_on_this_host() {
    let mut world = told();
    world.run(3_600_000, |_| vec![drained(1), client(TcpState::FinWait2)]);
    let accused = world.findings.iter().map(|finding| finding.verdict);
    assert!(
        accused
            .clone()
            .all(|verdict| verdict == Verdict::PeerNotClosing)
    );
    assert_eq!(accused.count(), 1, "the client waits, and that is told");
}

#[test]
fn must_not_hide_a_server_that_keeps_what_its_client_has_closed_since() {
    let mut world = told();
    world.run(1_000_000, |now| {
        let mut all = vec![sent(drained(1), now.min(100_000))];
        all.extend((now < 100_000).then(|| client(TcpState::FinWait2)));
        all
    });
    let kept = world
        .findings
        .iter()
        .find(|f| f.verdict == Verdict::NotClosed);
    let kept = kept.expect("it is found");
    assert!(kept.opened <= at(150_000), "at once: {:?}", kept.opened);
    assert_eq!(kept.confidence, Confidence::Proven);
    assert_eq!(kept.evidence.peer, Some(Peer::Gone));
}

#[test]
fn a_client_that_was_seen_while_both_were_open_has_closed_if_it_is_gone() {
    let mut world = World::scanning(Settings::default());
    let open = |view| SocketView {
        state: TcpState::Established,
        ..view
    };
    world.opened(0, 1, owner(7, Attribution::Accept));
    world.run(20_000, |_| {
        vec![open(drained(1)), open(client(TcpState::Established))]
    });
    world.state(20_000, 1, TcpState::Established, TcpState::CloseWait);
    world.run(60_000, |_| vec![view(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert_eq!(world.last().evidence.peer, Some(Peer::Gone));
}

#[test]
fn that_nothing_is_found_at_the_other_end_proves_nothing() {
    let mut world = told();
    world.run(60_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert_eq!(world.last().evidence.peer, Some(Peer::Unknown));
    assert_eq!(world.last().evidence.missing, ["peer"]);
    assert_eq!(world.last().confidence, Confidence::Likely);
}

#[test]
fn must_not_hide_a_client_s_pool_whose_server_lingers() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    let server = SocketView {
        endpoints: ends(1),
        role: Role::Server,
        ..client(TcpState::FinWait2)
    };
    world.run(50_000, |_| vec![pooled(1), server.clone()]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::StalePooled)]);
    assert_eq!(world.last().severity, Severity::Info);
}

#[test]
fn must_not_flag_an_event_stream_with_a_heartbeat_for_long() {
    for pause in [15_000, 300_000] {
        let mut world = told();
        world.run(3 * 3_600_000, |now| {
            vec![counted(sent(drained(1), now / pause * 100), |c| {
                c.last_heard = u32::try_from(now / pause * pause).unwrap();
            })]
        });
        // Before its first heartbeat nobody knows whether there will be one.
        let opened = world.findings.iter().map(|finding| finding.confidence);
        let quick = pause < 30_000;
        assert_eq!(opened.clone().count(), if quick { 0 } else { 2 });
        assert!(
            opened
                .clone()
                .all(|confidence| confidence == Confidence::Likely)
        );
        assert!(world.engine.findings().is_empty());
    }
}

#[test]
fn must_not_flag_a_quiet_session_whose_keep_alive_is_answered() {
    let mut world = told();
    world.run(3_600_000, |now| {
        let probed = u32::try_from(now / 75_000 * 75_000).unwrap();
        vec![counted(drained(1), |c| c.last_heard = probed)]
    });
    assert!(world.engine.findings().is_empty());
    assert_eq!(world.resolution(), Some(Resolution::Resumed));
    assert!(world.findings.len() <= 2, "{:?}", world.verdicts());
}

#[test]
fn must_not_hide_that_a_remote_client_is_silent_after_a_legal_exchange() {
    let mut world = told();
    world.run(1_200_000, |now| {
        let heard = now.min(200_000) / 10_000 * 10_000;
        vec![counted(sent(drained(1), heard), |c| {
            c.last_heard = u32::try_from(heard).unwrap();
        })]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    let opened = world.last().opened;
    assert!(opened >= at(800_000) && opened <= at(850_000), "{opened:?}");
    assert_eq!(world.last().evidence.missing, ["peer"]);
}

#[test]
fn after_a_pause_of_the_agent_nothing_is_due_at_once() {
    let mut world = told();
    world.run(5_000, |_| vec![view(1)]);
    // The host sleeps for an hour.
    world.engine.handle_timeout(at(3_600_000));
    world.drain(at(3_600_000), &|_| vec![drained(1)]);
    world.run(3_615_000, |_| vec![drained(1)]);
    assert!(world.findings.is_empty(), "{:?}", world.verdicts());
    world.run(3_700_000, |_| vec![drained(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::NotClosed)]);
    assert!(world.last().evidence.suspended > Some(Duration::from_mins(59)));
}

#[test]
fn whoever_was_stopped_has_ten_seconds_once_it_runs_again() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |now| {
        let halted = (now < 8_000).then_some(crate::model::run::Halt::Stopped);
        vec![SocketView { halted, ..view(1) }]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    assert!(
        world.last().opened >= at(18_000),
        "{:?}",
        world.last().opened
    );
}

#[test]
fn a_stopped_process_is_said_to_be_stopped() {
    let mut world = World::new();
    world.half_closed(1, 0);
    world.run(60_000, |_| {
        let halted = Some(crate::model::run::Halt::Stopped);
        vec![SocketView { halted, ..view(1) }]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::EofUnread)]);
    let summary = &world.last().summary;
    let first = "app7 (pid 7, fd 5), which is stopped (T), has not read the end-of-stream";
    assert!(summary.starts_with(first), "{summary}");
    assert!(world.last().hint.contains("SIGCONT"));
}
