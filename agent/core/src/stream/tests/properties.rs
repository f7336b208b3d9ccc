//! Whatever happens, is lost, or comes twice: what is told is told in order and once, and a repaired table is the truth.

use proptest::prelude::*;

use super::model::{Act, SOCKETS};
use super::run::{Fate, Run, Step};
use super::*;

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Birth),
        2 => Just(Act::Connect),
        2 => Just(Act::Answer),
        3 => Just(Act::Accept),
        3 => Just(Act::Fin),
        2 => Just(Act::Read),
        1 => Just(Act::Shutdown),
        2 => Just(Act::Close),
        3 => Just(Act::AckOfFin),
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

/// Everything, or the states that are told unless something else is asked for.
fn interests() -> impl Strategy<Value = Interest> {
    let states = [
        TcpState::Established,
        TcpState::CloseWait,
        TcpState::TimeWait,
        TcpState::Closed,
    ];
    let default = Interest::in_states(states).union(lives());
    prop_oneof![Just(everything()), Just(default)]
}

/// As these steps, without losses.
fn lossless(steps: Vec<Step>) -> Vec<Step> {
    let keep = |fate: Fate| match fate {
        Fate::Arrives | Fate::AfterTheNext => Fate::Arrives,
        Fate::Lost | Fate::Twice => Fate::Twice,
    };
    let steps = steps.into_iter().map(|step| match step {
        Step::Fates(fates) => Step::Fates(fates.into_iter().map(keep).collect()),
        Step::Overtake => Step::Tick(0),
        step @ (Step::Act(..) | Step::Tick(_) | Step::Wait(_)) => step,
    });
    steps.collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_repaired_table_is_the_truth(
        steps in steps(),
        interest in interests(),
        time_wait_hooks in any::<bool>(),
    ) {
        let mut run = Run::new(interest, time_wait_hooks);
        for step in &steps {
            run.step(step);
        }
        run.resync();
        run.check_table();
        run.check_subscriber();
    }

    #[test]
    fn without_loss_the_table_is_always_the_truth_whatever_comparisons_are_overtaken(
        steps in steps(),
    ) {
        let mut run = Run::new(everything(), true);
        for step in &lossless(steps) {
            if let Step::Wait(ms) = step {
                run.read_ring();
                run.check_full_sockets();
                run.wait(*ms);
                run.begin_look();
            } else {
                run.step(step);
            }
        }
        run.read_ring();
        run.check_full_sockets();
        prop_assert!(run.changes.iter().all(|&(_, _, cause)| cause != Cause::Resync));
    }

    #[test]
    fn without_loss_every_life_has_its_line(
        steps in steps(),
        interest in interests(),
        time_wait_hooks in any::<bool>(),
    ) {
        let mut run = Run::new(interest, time_wait_hooks);
        for step in &lossless(steps) {
            run.step(step);
        }
        run.read_ring();
        let truth: Vec<_> = run.model.lives.iter().map(|(key, life)| {
            (key.sock, life.opened, life.last.map(|last| last.time))
        }).collect();
        let told: Vec<_> = run.lives.iter().map(|(key, life)| {
            (key.sock, life.opened, Some(life.closed))
        }).collect();
        prop_assert_eq!(told, truth);
        for (key, life) in &run.lives {
            let all: Duration = life.states.iter().map(|(_, duration)| *duration).sum();
            let whole = life.closed.since(life.opened.unwrap());
            prop_assert_eq!(all, whole, "{:?} {:?}", key, life);
        }
    }

    #[test]
    fn nonsense_is_survived(
        records in prop::collection::vec(
            (0_u64..4, 0_u64..50, 0..TcpState::ALL.len(), 0..TcpState::ALL.len(), 0..9_u8),
            0..200,
        ),
    ) {
        let mut run = Run::new(everything(), true);
        run.lawful = false;
        for (socket, ms, from, to, kind) in records {
            let (from, to) = (TcpState::ALL[from], TcpState::ALL[to]);
            let endpoints = ends(socket);
            let what = match kind {
                0 => What::End(end(socket)),
                1 => What::Eof(Eof { endpoints, state: to, fin_at: Some(at(7)), pid: 7, thread: 7 }),
                2 => What::Open(Open {
                    endpoints,
                    state: to,
                    role: Role::Client,
                    owner: owner(7, Attribution::Connect),
                    inode: None,
                }),
                3 => What::TimeWaitEntered { endpoints, substate: to },
                4 => What::TimeWaitLeft { endpoints },
                _ => What::State(change(socket, from, to)),
            };
            let observation = Observation { time: at(ms), sock: sock(socket), what };
            run.stream.handle(&observation, at(ms), &mut run.out);
            // The model's kernel knows none of them.
            run.answer();
        }
        run.model.now = 300_000;
        run.resync();
        run.wait(300_000);
        prop_assert_eq!(run.stream.connections().count(), 0);
        let stats = run.stream.stats();
        prop_assert_eq!((stats.connections, stats.minisocks, stats.overflow), (0, 0, 0));
    }
}
