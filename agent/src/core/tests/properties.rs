//! Whatever happens, is lost, or comes twice: no finding without its proof, and a repaired table is the truth.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::{Act, SOCKETS};
use super::run::{Fate, Run, Step, verdict_of};
use super::*;

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Birth),
        3 => Just(Act::Accept),
        3 => Just(Act::Fin),
        3 => Just(Act::Read),
        2 => Just(Act::Write),
        1 => Just(Act::Shutdown),
        1 => Just(Act::Close),
        2 => Just(Act::AckOfFin),
        1 => Just(Act::Reset),
    ]
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::AfterTheNext),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..SOCKETS, acts()).prop_map(|(socket, act)| Step::Act(socket, act)),
        2 => (0_u64..3).prop_map(Step::Tick),
        2 => (100_u64..15_000).prop_map(Step::Wait),
        1 => prop::collection::vec(fates(), 0..6).prop_map(Step::Fates),
        1 => Just(Step::Overtake),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn findings_are_proven_and_a_repaired_table_is_the_truth(
        steps in steps(),
        time_wait_hooks in any::<bool>(),
    ) {
        let mut run = Run::new(time_wait_hooks);
        for step in &steps {
            run.step(step);
        }
        run.resync();
        run.check_table();

        // Nothing happens any more: what is wrong is found, and nothing else.
        run.fates.clear();
        run.wait(200_000);
        let open: BTreeMap<SocketKey, Verdict> = run
            .open
            .iter()
            .zip(run.tracker.findings())
            .map(|((&id, &key), finding)| {
                assert_eq!(finding.id, id);
                (key, finding.verdict)
            })
            .collect();
        let wrong: BTreeMap<SocketKey, Verdict> = run
            .model
            .connections
            .iter()
            .filter(|c| c.full)
            .filter_map(|c| Some((c.key, verdict_of(c)?)))
            .collect();
        prop_assert_eq!(open, wrong);
        run.check_table();
    }

    #[test]
    fn without_loss_the_table_is_always_the_truth_whatever_comparisons_are_overtaken(
        steps in steps(),
    ) {
        let mut run = Run::new(true);
        for step in &steps {
            match step {
                Step::Wait(ms) => {
                    run.read_ring();
                    run.check_full_sockets();
                    run.wait(*ms);
                    let answer = run.take(true);
                    run.answers.push(answer);
                }
                Step::Fates(fates) => {
                    let twice = |fate: &Fate| matches!(fate, Fate::Arrives | Fate::AfterTheNext);
                    run.fates = fates
                        .iter()
                        .map(|fate| if twice(fate) { Fate::Arrives } else { Fate::Twice })
                        .collect();
                }
                Step::Act(_, _) | Step::Tick(_) => run.step(step),
                Step::Overtake => {}
            }
        }
        run.read_ring();
        run.check_full_sockets();
    }

    #[test]
    fn nonsense_is_survived(
        records in prop::collection::vec(
            (0_u64..4, 0_u64..3, 0_u64..50, 0..EVERY_STATE.len(), 0..EVERY_STATE.len(), 0..8_u8),
            0..200,
        ),
    ) {
        let mut run = Run::new(true);
        run.lawful = false;
        for (socket, birth, ms, from, to, kind) in records {
            let (from, to) = (EVERY_STATE[from], EVERY_STATE[to]);
            let endpoints = ends(socket);
            let what = match kind {
                0 => What::Gone,
                1 => What::Eof { pid: 7, thread: 7 },
                2 => What::Write { pid: 7, thread: 7, bytes: 1 },
                3 => What::TimeWaitEntered { endpoints, substate: to },
                4 => What::TimeWaitLeft { endpoints },
                _ => What::State(change(socket, from, to)),
            };
            let key = SocketKey { birth: at(birth), ..key(socket) };
            run.tracker.handle(Observation { time: at(ms), key, what }, at(ms));
            // The model's kernel knows none of them: no look can prove anything.
            run.answer();
        }
        run.wait(100_000);
        prop_assert!(run.open.is_empty());
        run.model.now += 100_000;
        run.resync();
        prop_assert_eq!(run.tracker.connections().count(), 0);
        prop_assert_eq!(run.tracker.stats(), crate::core::tracker::Stats {
            stale: run.tracker.stats().stale,
            ..Default::default()
        });
    }
}
