//! What is over and still has a descriptor.

use super::*;

fn over(n: u64, error: u32, fin_received: bool) -> SocketView {
    let view = SocketView {
        state: TcpState::Closed,
        ..drained(n)
    };
    counted(view, |c| {
        (c.error, c.shutdown, c.fin_received) = (error, 3, fin_received);
    })
}

fn world() -> World {
    World::scanning(Settings::default())
}

#[test]
fn must_not_flag_a_descriptor_that_a_runtime_has_replaced_by_a_stand_in() {
    let mut world = world();
    // What the descriptor refers to from then on has no connection.
    let stand_in = || SocketView {
        inode: Some(1),
        ..counted(over(1, 0, false), |c| c.shutdown = 0)
    };
    world.run(200_000, |now| {
        vec![if now < 20_000 {
            over(1, 104, false)
        } else {
            stand_in()
        }]
    });
    assert!(world.findings.is_empty());
}

#[test]
fn must_not_flag_a_socket_that_connects_anew() {
    let mut world = world();
    world.run(200_000, |now| {
        let mut view = over(1, 104, false);
        if now >= 20_000 {
            view.state = TcpState::Established;
        }
        vec![view]
    });
    assert!(world.findings.is_empty());
}

#[test]
fn must_not_hide_thousands_of_descriptors_that_no_tool_lists() {
    let mut world = world();
    world.run(60_000, |_| (1..=2_000).map(|n| over(n, 0, true)).collect());
    let findings = world.engine.findings();
    assert_eq!(findings.len(), 2_000);
    assert!(findings.iter().all(|f| f.verdict == Verdict::DeadOpen));
    assert_eq!(world.engine.incidents().len(), 1);
    assert_eq!(world.engine.incidents()[0].connections, 2_000);
}

#[test]
fn must_not_hide_a_descriptor_that_is_kept_after_both_sides_have_said_goodbye() {
    let mut world = world();
    world.half_closed(1, 1_000);
    world.state(2_000, 1, TcpState::CloseWait, TcpState::LastAck);
    world.run(3_000, |_| Vec::new());
    world.run(60_000, |_| vec![over(1, 0, true)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(!world.last().evidence.error_delivered);
    assert!(world.last().hint.starts_with("Nothing is left to be sent"));
}

#[test]
fn must_not_hide_who_was_told_of_a_reset_and_keeps_the_descriptor() {
    let mut world = world();
    world.run(100_000, |now| {
        vec![over(1, if now < 20_000 { 104 } else { 0 }, false)]
    });
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::DeadOpen)]);
    assert!(world.last().evidence.error_delivered);
    assert!(world.last().opened >= at(50_000), "it has its time");
}

#[test]
fn an_end_that_was_not_read_and_a_reset_are_one_finding() {
    let mut world = world();
    world.half_closed(1, 0);
    world.run(20_000, |_| vec![view(1)]);
    let mut end = change(1, TcpState::CloseWait, TcpState::Closed);
    end.error = 32;
    world.change(20_000, 1, end);
    world.run(100_000, |_| vec![over(1, 32, true)]);
    assert_eq!(
        world.verdicts(),
        [
            (Action::Opened, Verdict::EofUnread),
            (Action::Updated, Verdict::DeadOpen)
        ]
    );
    assert_eq!(world.last().id, 1);
    assert_eq!(world.last().history[0].0, Verdict::EofUnread);
}

#[test]
fn what_a_client_writes_is_refused_and_it_keeps_the_connection_as_one_finding() {
    let mut world = world();
    world.client_half_closed(1, 0);
    world.run(40_000, |_| vec![particular::pooled(1)]);
    world.write(40_500, 1, 520);
    world.reset(40_501, 1);
    let refused = || {
        let closed = SocketView {
            state: TcpState::Closed,
            ..particular::pooled(1)
        };
        counted(closed, |c| {
            (c.write_seq, c.unacked, c.shutdown) = (Some(520), 520, 3);
            c.last_sent = 40_500;
        })
    };
    world.run(120_000, |_| vec![refused()]);
    let verdicts: Vec<_> = world.findings.iter().map(|f| f.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::StalePooled,
            Verdict::WriteAfterFin,
            Verdict::DeadOpen
        ]
    );
    assert!(world.findings.iter().all(|f| f.id == 1));
}
