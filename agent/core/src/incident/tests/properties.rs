//! What holds whatever is told.

use proptest::prelude::*;

use super::*;
use crate::tests::cases;

fn verdicts() -> impl Strategy<Value = Verdict> {
    let all = Verdict::ALL.iter().copied();
    let of_connections = all.filter(|verdict| *verdict != Verdict::TimeWaitPressure);
    prop::sample::select(of_connections.collect::<Vec<_>>())
}

/// What may be told of findings, in any order, with nonsense in between.
fn stories() -> impl Strategy<Value = Vec<(u64, Told)>> {
    let actions = prop::sample::select(vec![Action::Opened, Action::Updated, Action::Resolved]);
    let one = (
        0_u64..40,
        actions,
        verdicts(),
        1_u32..6,
        80_u16..83,
        0_u64..30,
    );
    let one = one.prop_map(|(id, action, verdict, pid, port, pause)| {
        let told = Told {
            verdict,
            pid,
            port,
            ..told(id, action, 0)
        };
        (pause, told)
    });
    prop::collection::vec(one, 1..200)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn incidents_count_what_is_open_whatever_is_told_in_whatever_order(story in stories()) {
        let mut world = World::new();
        let mut open: BTreeMap<u64, Verdict> = BTreeMap::new();
        let (mut now, mut total) = (1, 0);
        for (pause, what) in story {
            world.run(now..=now + pause);
            now += pause;
            world.hear(now, Told { since: now.saturating_sub(20), ..what });
            if what.action == Action::Resolved {
                open.remove(&what.id);
            } else if open.insert(what.id, what.verdict).is_none() {
                total += 1;
            }
            let entries = || world.incidents.entries.values();
            let waiting = open.keys().filter(|id| world.incidents.processes.awaits(**id)).count();
            let counted: u32 = entries().map(|entry| entry.connections).sum();
            // What waits for its process may have ended meanwhile.
            prop_assert!(counted as usize + waiting == open.len());
        }
        world.run(now..=now + 20);
        let told = || world.incidents.incidents();
        let mut counts: BTreeMap<Verdict, u32> = BTreeMap::new();
        for (verdict, count) in told().flat_map(|incident| incident.verdicts.clone()) {
            *counts.entry(verdict).or_default() += count;
        }
        let mut expected: BTreeMap<Verdict, u32> = BTreeMap::new();
        for verdict in open.into_values() {
            *expected.entry(verdict).or_default() += 1;
        }
        prop_assert_eq!(counts, expected);
        let known: u64 = world.incidents.entries.values().map(|entry| entry.total).sum();
        prop_assert!(known <= total);
    }

    #[test]
    fn one_leak_is_one_incident(
        pauses in prop::collection::vec(0_u64..100, 5..60),
        pids in prop::collection::vec(prop::sample::select(vec![3_u32, 6, 9]), 60),
    ) {
        let mut world = World::new();
        let mut now = 1;
        for (n, (pause, pid)) in pauses.iter().zip(pids).enumerate() {
            world.run(now..=now + pause);
            now += pause;
            let opened = told(n as u64, Action::Opened, now);
            world.hear(now, Told { pid, ..opened });
        }
        world.run(now..=now + 3_000);
        let opened = world.events.iter().filter(|(_, told)| told.action == Action::Opened);
        prop_assert_eq!(opened.count(), 1, "whichever worker has them");
        prop_assert_eq!(world.last().connections as usize, pauses.len());
    }
}
