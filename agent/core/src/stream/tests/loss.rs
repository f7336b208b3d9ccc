//! What is lost, and when the table is compared with the kernel for it.

use super::*;

impl World {
    fn wants(&self, ms: u64) -> bool {
        self.stream.wants_look(at(ms)).is_some()
    }

    fn stats_resyncs(&self) -> usize {
        let resync = |event: &&Event| matches!(event.body, Body::Resync { .. });
        self.events.iter().filter(resync).count()
    }
}

#[test]
fn a_loss_is_told_with_the_last_good_moment_and_repaired_at_once() {
    let mut world = World::new();
    world.stream.handle_no_loss(at(500));
    world.lost(1_000);
    assert!(world.wants(1_000));
    assert_eq!(
        world.events.last().map(|event| &event.body),
        Some(&Body::Lost {
            loss: loss("ring_full"),
            since: at(500)
        })
    );
}

#[test]
fn losses_in_a_row_are_repaired_once_a_second() {
    let mut world = World::new();
    world.lost(1_000);
    world.stream.looking(true);
    world.lost(1_010);
    assert!(!world.wants(1_010), "one is under way");
    world.look(1_020, &snapshot(1_005, Vec::new()));
    assert!(!world.wants(1_900));
    assert!(world.wants(2_020), "it began before the second loss");
    world.stream.looking(true);
    world.look(2_030, &snapshot(2_020, Vec::new()));
    assert_eq!(due(&world.stream), None);
}

#[test]
fn what_a_comparison_cannot_repair_does_not_ask_for_one() {
    let mut world = World::new();
    for reason in ["half_full", "life_full", "accept_queue_cut", "table_full"] {
        let loss = loss(reason);
        world.stream.handle_loss(loss, at(1_000), &mut world.out);
    }
    assert_eq!(world.stream.wants_look(at(1_000_000)), None);
}

#[test]
fn runs_that_were_left_out_ask_for_a_comparison_every_ten_seconds_at_most() {
    let mut world = World::new();
    let mut looks = 0;
    for now in (1_000..60_000).step_by(100) {
        world.stream.handle_missed_runs(3, at(now));
        if world.wants(now) {
            world.stream.looking(true);
            world.look(now, &snapshot(now, Vec::new()));
            looks += 1;
        }
    }
    assert!((5..=6).contains(&looks), "{looks}");
    world.stream.handle_missed_runs(0, at(60_000));
    assert_eq!(world.stats_resyncs(), looks);
}

#[test]
fn a_state_that_was_gone_through_unseen_asks_for_a_comparison() {
    let mut world = World::new();
    world.look(1, &snapshot(1, Vec::new()));
    world.state(10, 1, TcpState::SynReceived, TcpState::Established);
    assert_eq!(due(&world.stream), None);
    world.state(30, 1, TcpState::CloseWait, TcpState::LastAck);
    assert!(due(&world.stream).is_some());
}

#[test]
fn a_look_that_fails_is_asked_for_again_once_and_later() {
    let mut world = World::new();
    let mut asked = 0;
    for now in (1_000..3_601_000).step_by(1_000) {
        world.lost(now);
        if world.wants(now) {
            world.stream.looking(true);
            asked += 1;
            assert!(!world.wants(now + 60_000), "one is under way");
            world.stream.look_failed(at(now));
        }
    }
    assert!((300..=361).contains(&asked), "{asked} in an hour");
}

#[test]
fn a_look_that_was_asked_for_otherwise_is_compared_with_only_if_that_is_due() {
    let mut world = World::new();
    world.state(1, 1, TcpState::SynReceived, TcpState::Established);
    world.look(100, &snapshot(100, Vec::new()));
    assert_eq!(world.stats_resyncs(), 0);
    world.lost(1_200);
    let held = Snapshot {
        unheld: None,
        ..snapshot(1_300, Vec::new())
    };
    world.look(1_300, &held);
    assert_eq!(world.stats_resyncs(), 0, "it does not show everything");
    world.look(1_400, &snapshot(1_400, Vec::new()));
    assert_eq!(world.stats_resyncs(), 1);
    assert_eq!(world.known(), []);
}
