//! Whatever happens, is lost, or comes twice: no finding without its proof, and a repaired table is the truth.

use std::collections::BTreeSet as Set;

use proptest::prelude::*;

use super::model::{Act, SOCKETS};
use super::run::{Fate, Run, Step};
use super::*;
use crate::settings::VerdictSettings;

/// Milliseconds between two looks at everything, and until a look that is due is made.
const SLACK: u64 = 16_000;

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Birth),
        3 => Just(Act::Accept),
        3 => Just(Act::Fin),
        3 => Just(Act::Read),
        1 => Just(Act::Splice),
        2 => Just(Act::Write),
        1 => Just(Act::Shutdown),
        1 => Just(Act::Close),
        2 => Just(Act::AckOfFin),
        1 => Just(Act::Reset),
        2 => Just(Act::Connect),
        2 => Just(Act::Exchange),
        1 => Just(Act::Flood),
        1 => Just(Act::Silence),
        1 => Just(Act::Return),
        1 => Just(Act::Hand),
        1 => Just(Act::Spin),
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
        cases: ProptestConfig::default().cases.max(2000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn findings_are_proven_and_a_repaired_table_is_the_truth(
        steps in steps(),
        time_wait_hooks in any::<bool>(),
    ) {
        let lost = |fate: &Fate| matches!(fate, Fate::Lost);
        let lossless = !steps.iter().any(|step| matches!(step, Step::Fates(fates) if fates.iter().any(lost)));
        let mut run = Run::new(time_wait_hooks);
        for step in &steps {
            run.step(step);
        }
        run.resync();
        run.check_table();

        // Nothing happens any more: what is wrong is found in time, and nothing else.
        run.fates.clear();
        run.prompt = true;
        let last = run.model.now;
        let wrong = run.wrong();
        for seconds in [0, 2, 5, 10, 30, 60] {
            let after = Duration::from_secs(seconds);
            run.wait(last + seconds * 1_000 + SLACK - run.model.now);
            for (key, verdicts) in &wrong {
                // Without loss it is the first.
                let enough = if lossless { 1 } else { verdicts.len() };
                let due = |verdict: &Verdict| VerdictSettings::default_of(*verdict).after <= after;
                let found = run.verdict(*key);
                let fits = found.is_some_and(|found| verdicts[..enough].contains(&found));
                prop_assert!(fits || !verdicts.iter().all(due), "{found:?} instead of {verdicts:?}");
            }
        }
        prop_assert!(run.open.values().collect::<Set<_>>().into_iter().eq(wrong.keys()));
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
        prop_assert_eq!(run.tracker.stats(), crate::tracker::Stats {
            stale: run.tracker.stats().stale,
            ..Default::default()
        });
    }
}
