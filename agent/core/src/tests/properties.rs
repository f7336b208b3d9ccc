//! Whatever happens, is lost, or comes twice: no finding without its proof, and whatever is wrong is found.

use proptest::prelude::*;

use super::model::{Act, Places, SOCKETS};
use super::run::{Fate, Run, Step};
use super::*;
use crate::model::observation::{End, Life, Observation};

/// Milliseconds between two looks at everything, and until a look that is due is made.
const SLACK: u64 = 16_000;

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Birth),
        3 => Just(Act::Accept),
        3 => Just(Act::Fin),
        3 => Just(Act::Read),
        1 => Just(Act::Peek),
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

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..SOCKETS, acts()).prop_map(|(socket, act)| Step::Act(socket, act)),
        2 => (0_u64..3).prop_map(Step::Tick),
        2 => (100_u64..15_000).prop_map(Step::Wait),
        1 => prop::collection::vec(fates(), 0..6).prop_map(Step::Fates),
        1 => Just(Step::Overtake),
    ];
    prop::collection::vec(step, 1..120)
}

pub(super) fn places() -> impl Strategy<Value = Places> {
    prop_oneof![
        3 => Just(Places::Kept),
        1 => Just(Places::Some),
        1 => Just(Places::Lost),
    ]
}

/// Plays the steps; then nothing happens any more: what is wrong is found in time, and nothing else.
pub(super) fn judge(mut run: Run, places: Places, steps: &[Step]) -> Result<(), TestCaseError> {
    for step in steps {
        run.step(step);
    }
    run.read_ring();
    run.fates.retain(|fate| matches!(fate, Fate::Lost));
    run.prompt = true;
    let last = run.model.now;
    let wrong = run.wrong();
    for seconds in [0, 2, 5, 10, 30, 60] {
        let after = Duration::from_secs(seconds);
        run.wait(last + seconds * 1_000 + SLACK - run.model.now);
        for (sock, verdicts) in &wrong {
            let found = run.verdict(*sock);
            // Where numbers are missing, what is true as well may be said.
            let enough = if places == Places::Kept {
                1
            } else {
                verdicts.len()
            };
            let enough = &verdicts[..enough];
            let fits = found.is_some_and(|found| enough.iter().any(|(fit, _)| *fit == found));
            let due = enough.iter().all(|(_, due)| *due <= after);
            prop_assert!(fits || !due, "{found:?} instead of {verdicts:?}");
        }
    }
    let known = run.open.values().all(|sock| wrong.contains_key(sock));
    prop_assert!(known, "{:?} {wrong:?}", run.open);
    run.wait(20_000);
    run.check_incidents();
    Ok(())
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn findings_are_proven_and_what_is_wrong_is_found(
        steps in steps(),
        places in places(),
    ) {
        judge(Run::new(places), places, &steps)?;
    }

    #[test]
    fn findings_need_no_record(steps in steps(), places in places()) {
        let mut run = Run::new(places);
        run.fates = vec![Fate::Lost];
        let steps: Vec<_> = steps
            .into_iter()
            .filter(|step| !matches!(step, Step::Fates(_)))
            .collect();
        judge(run, places, &steps)?;
    }

    #[test]
    fn nonsense_is_survived(
        records in prop::collection::vec(
            (0_u64..4, 0_u64..50, 0..TcpState::ALL.len(), 0..TcpState::ALL.len(), 0..8_u8),
            0..200,
        ),
    ) {
        let mut run = Run::new(Places::Kept);
        for (socket, ms, from, to, kind) in records {
            let (from, to) = (TcpState::ALL[from], TcpState::ALL[to]);
            let what = nonsense(socket, from, to, kind);
            let record = Observation { time: at(ms), sock: sock(socket), what };
            run.engine.handle(&record, at(ms));
            // The model's kernel knows none of them: no look can prove anything.
            run.answer();
        }
        run.wait(100_000);
        prop_assert!(run.open.is_empty());
        let stats = run.engine.stats();
        prop_assert_eq!((stats.watched, stats.findings), (0, 0));
    }
}

fn nonsense(socket: u64, from: TcpState, to: TcpState, kind: u8) -> What {
    let endpoints = ends(socket);
    match kind {
        0 => What::End(End {
            endpoints,
            role: Role::Unknown,
            life: Life::default(),
            bytes_sent: 0,
            bytes_received: 0,
            cookie: None,
        }),
        1 => What::ResetQueued { endpoints },
        2 => What::Segment {
            fin: true,
            rst: false,
            seq: 1,
            rcv_nxt: 2,
        },
        3 => What::TimeWaitEntered {
            endpoints,
            substate: to,
        },
        4 => What::TimeWaitLeft { endpoints },
        _ => What::State(change(socket, from, to)),
    }
}

/// What the properties above have found, shortened.
#[test]
fn programs_that_were_once_judged_wrong_are_judged_right() {
    let act = Step::Act;
    let programs = [
        // Accepted before the first look: it has its time since then.
        vec![
            act(2, Act::Birth),
            act(2, Act::Fin),
            Step::Wait(501),
            act(2, Act::Accept),
        ],
        // Reset in the queue, accepted later.
        vec![
            act(1, Act::Birth),
            act(1, Act::Reset),
            Step::Wait(8_499),
            act(1, Act::Accept),
        ],
        // A write whose data soon stay unanswered.
        vec![
            act(1, Act::Birth),
            act(1, Act::Fin),
            act(1, Act::Accept),
            Step::Wait(20_000),
            act(1, Act::Silence),
        ],
        // It begins to spin just after a look.
        vec![
            act(1, Act::Connect),
            act(1, Act::Fin),
            Step::Wait(3_398),
            act(1, Act::Read),
            Step::Wait(14_423),
            act(1, Act::Silence),
            Step::Wait(6_179),
            act(1, Act::Spin),
            act(1, Act::Return),
        ],
        // A later connection has the socket, and is in the same trouble.
        vec![
            act(3, Act::Connect),
            act(3, Act::Flood),
            Step::Wait(13_539),
            act(3, Act::Close),
            act(3, Act::AckOfFin),
            act(3, Act::Connect),
            act(3, Act::Flood),
        ],
    ];
    for program in programs {
        for places in [Places::Kept, Places::Some, Places::Lost] {
            judge(Run::new(places), places, &program).unwrap();
        }
    }
}
