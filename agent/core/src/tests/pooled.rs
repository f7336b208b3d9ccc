//! Idle connections that a pool keeps after their servers have closed them.

use super::particular::pooled;
use super::*;
use crate::model::finding::Severity;

#[test]
fn an_idle_client_connection_of_which_only_the_fin_waits_is_pooled() {
    let mut world = World::new();
    world.client_half_closed(1, 0);
    world.run(100_000, |_| vec![pooled(1)]);
    assert_eq!(world.verdicts(), [(Action::Opened, Verdict::StalePooled)]);
    let finding = world.last();
    assert!(finding.opened >= at(30_000), "no earlier verdict");
    assert_eq!(finding.severity, Severity::Info);
    assert_eq!(finding.evidence.pooled, Some(1));
}

#[test]
fn a_pool_is_one_though_its_role_is_shown_no_more() {
    let mut world = World::new();
    for n in 0..3 {
        world.client_half_closed(n, 0);
    }
    // The place of its opener is another connection's by then.
    let later = |n| SocketView {
        role: Role::Unknown,
        opener: None,
        ..pooled(n)
    };
    world.run(100_000, |now| {
        let views = (0..3).map(|n| if now < 20_000 { pooled(n) } else { later(n) });
        views.collect()
    });
    let pooled = (Action::Opened, Verdict::StalePooled);
    assert_eq!(world.verdicts(), [pooled; 3]);
    assert_eq!(world.last().evidence.pooled, Some(3));
}

#[test]
fn a_pool_is_only_worth_knowing_however_large() {
    let mut world = World::new();
    for n in 0..10 {
        world.client_half_closed(n, n * 100);
    }
    world.run(200_000, |_| (0..10).map(pooled).collect());
    assert_eq!(world.findings.len(), 10);
    for finding in &world.findings {
        assert_eq!(finding.verdict, Verdict::StalePooled);
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.evidence.pooled, Some(10));
    }
}

#[test]
fn what_is_not_an_idle_pooled_connection_keeps_its_verdict() {
    type Edit = fn(SocketView) -> SocketView;
    let cases: [(Edit, Verdict); 3] = [
        // An answer waits.
        (|view| counted(view, |c| c.unread = 50), Verdict::EofUnread),
        // Nothing was ever answered.
        (
            |view| counted(view, |c| c.bytes_received = 1),
            Verdict::EofUnread,
        ),
        // It was told.
        (
            |view| SocketView {
                half: Some(Box::new(HalfClosed {
                    eof_at: Some(at(100)),
                    eof_count: 1,
                    ..fin(0)
                })),
                ..counted(view, |c| c.unread = 0)
            },
            Verdict::NotClosed,
        ),
    ];
    for (edit, verdict) in cases {
        let mut world = World::new();
        world.client_half_closed(1, 0);
        world.run(100_000, |_| vec![edit(pooled(1))]);
        assert_eq!(world.verdicts(), [(Action::Opened, verdict)]);
    }
}
