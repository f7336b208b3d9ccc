//! The agent is started again: what goes on, what has ended meanwhile, what is new.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::engine::Engine;
use crate::memory::{Memory, Note};
use crate::model::finding::{Confidence, Severity};
use crate::model::incident::Incident;
use crate::settings::verdict::VerdictSettings;

/// A world whose daemon writes down what the next one is to know.
struct Kept {
    world: World,
    settings: Settings,
    memory: Memory,
}

impl Kept {
    fn begin(settings: Settings) -> Self {
        let mut world = World::with(settings.clone());
        world.engine.begin_notes();
        Self {
            world,
            settings,
            memory: Memory::default(),
        }
    }

    /// Runs as [`World::run`] does, second by second, and is killed right after what was told last.
    fn run(&mut self, from: u64, to: u64, answer: impl Fn(u64) -> Vec<SocketView>) {
        for ms in (from..=to).step_by(1_000) {
            self.world.run(ms, &answer);
            self.write_down();
            self.memory.take(self.world.engine.alive(at(ms)));
        }
    }

    fn write_down(&mut self) {
        for note in self.world.engine.notes() {
            self.memory.take(note);
        }
    }

    /// Another daemon begins, with what was written down, and looks.
    fn restart(&mut self, ms: u64, answer: impl Fn(u64) -> Vec<SocketView>) {
        let settings = Settings {
            scan_interval: Duration::ZERO,
            ..self.settings.clone()
        };
        let mut engine = Engine::new(settings);
        engine.restore(&self.memory);
        engine.begin_notes();
        self.world.engine = engine;
        self.world.kernel.marked.clear();
        self.world.findings.clear();
        self.world.events.clear();
        self.world.engine.handle_timeout(at(ms));
        self.world.drain(at(ms), &answer);
        self.write_down();
    }

    fn incidents(&self) -> Vec<&Arc<Incident>> {
        let bodies = self.world.events.iter().map(|event| &event.body);
        let incidents = bodies.filter_map(|body| {
            if let Body::Incident(incident) = body {
                Some(incident)
            } else {
                None
            }
        });
        incidents.collect()
    }
}

/// Ten seconds of a leak: one finding.
fn leaking() -> Kept {
    let mut kept = Kept::begin(Settings::default());
    kept.world.half_closed(1, 1_000);
    kept.run(1_000, 20_000, |_| vec![view(1)]);
    assert_eq!(
        kept.world.verdicts(),
        [(Action::Opened, Verdict::EofUnread)]
    );
    kept
}

#[test]
fn a_leak_that_goes_on_keeps_its_id_and_is_told_again_once() {
    let mut kept = leaking();
    let (before, incident) = (kept.world.last().clone(), kept.incidents()[0].id);
    kept.restart(80_000, |_| vec![view(1)]);
    assert_eq!(
        kept.world.verdicts(),
        [(Action::Updated, Verdict::EofUnread)]
    );
    let after = kept.world.last().clone();
    assert_eq!((after.id, after.opened), (before.id, before.opened));
    assert_eq!(after.half_closed_since, before.half_closed_since);
    assert_eq!(after.confidence, Confidence::Proven);
    assert_eq!(after.evidence.suspended, Some(Duration::from_secs(57)));
    let told = Arc::clone(kept.incidents()[0]);
    assert_eq!((told.id, told.action), (incident, Action::Updated));
    assert_eq!((told.connections, told.total), (1, 1));
    kept.run(80_000, 200_000, |_| vec![view(1)]);
    assert_eq!(kept.world.findings.len(), 1, "{:?}", kept.world.verdicts());
    assert!(kept.world.kernel.marked.contains(&sock(1)));
}

#[test]
fn what_has_ended_meanwhile_says_after_which_moment_and_is_never_new() {
    let mut kept = leaking();
    let id = kept.world.last().id;
    kept.world.kernel.half.clear();
    kept.restart(80_000, |_| Vec::new());
    assert_eq!(
        kept.world.verdicts(),
        [(Action::Resolved, Verdict::EofUnread)]
    );
    let last = kept.world.last();
    assert_eq!((last.id, last.resolution), (id, Some(Resolution::Resync)));
    assert_eq!(last.ended_after, Some(at(20_000)));
    assert!(kept.world.kernel.marked.is_empty());
    assert_eq!(kept.memory.len().0, 0);
}

#[test]
fn what_came_into_another_state_meanwhile_ended_by_that() {
    let mut kept = leaking();
    let closing = SocketView {
        state: TcpState::LastAck,
        ..view(1)
    };
    kept.world.kernel.half.clear();
    kept.restart(80_000, |_| vec![closing.clone()]);
    let last = kept.world.last();
    assert_eq!(last.resolution, Some(Resolution::ClosedByApp));
    assert_eq!(last.ended_after, Some(at(20_000)));
}

#[test]
fn another_socket_at_its_address_is_another_connection() {
    let other = |edit: fn(&mut SocketView)| {
        let mut view = view(1);
        edit(&mut view);
        view
    };
    for changed in [
        other(|view| view.inode = Some(9)),
        other(|view| view.cookie = Some(9)),
        other(|view| view.endpoints = ends(2)),
        other(|view| view.endpoints.netns = 2),
    ] {
        let mut kept = Kept::begin(Settings::default());
        kept.world.half_closed(1, 1_000);
        let known = SocketView {
            cookie: Some(5),
            ..view(1)
        };
        kept.run(1_000, 20_000, |_| vec![known.clone()]);
        let id = kept.world.last().id;
        kept.world.kernel.half.insert(sock(1), fin(60_000));
        kept.restart(80_000, |_| vec![changed.clone()]);
        assert_eq!(
            kept.world.verdicts(),
            [(Action::Resolved, Verdict::EofUnread)]
        );
        assert_eq!(kept.world.last().id, id);
        kept.run(80_000, 120_000, |_| vec![changed.clone()]);
        let new = kept.world.last();
        assert_eq!(
            (new.action, new.id),
            (Action::Opened, id + 1),
            "{changed:?}"
        );
    }
}

#[test]
fn what_began_meanwhile_is_known_since_its_fin_and_is_due_after_the_threshold() {
    let mut kept = Kept::begin(Settings::default());
    kept.run(1_000, 20_000, |_| Vec::new());
    kept.world.half_closed(1, 50_000);
    kept.restart(80_000, |_| vec![view(1)]);
    assert!(
        kept.world.findings.is_empty(),
        "nobody has lived through that"
    );
    kept.run(80_000, 88_000, |_| vec![view(1)]);
    assert!(kept.world.findings.is_empty());
    kept.run(89_000, 95_000, |_| vec![view(1)]);
    let last = kept.world.last();
    assert_eq!((last.id, last.action), (1, Action::Opened));
    assert_eq!(last.half_closed_since, Some(at(50_000)));
    assert_eq!(last.confidence, Confidence::Proven);
}

#[test]
fn without_what_was_written_down_nothing_is_due_at_once() {
    let mut kept = Kept::begin(Settings::default());
    kept.world.half_closed(1, 1_000);
    kept.restart(80_000, |_| vec![view(1)]);
    kept.run(80_000, 88_000, |_| vec![view(1)]);
    assert!(kept.world.findings.is_empty());
    kept.run(89_000, 95_000, |_| vec![view(1)]);
    assert_eq!(kept.world.last().half_closed_since, Some(at(1_000)));
}

#[test]
fn numbers_are_not_given_twice() {
    let mut kept = leaking();
    kept.world
        .state(21_000, 1, TcpState::CloseWait, TcpState::LastAck);
    kept.world.end(21_000, 1);
    kept.run(21_000, 22_000, |_| Vec::new());
    kept.restart(80_000, |_| Vec::new());
    kept.world.half_closed(2, 81_000);
    kept.run(81_000, 100_000, |_| vec![view(2)]);
    assert_eq!(kept.world.last().id, 2);
}

#[test]
fn settings_that_ask_for_more_end_what_was_told_under_others() {
    let mut kept = leaking();
    let long = VerdictSettings {
        after: Duration::from_hours(1),
        ..VerdictSettings::default_of(Verdict::EofUnread)
    };
    kept.settings.verdicts.insert(Verdict::EofUnread, long);
    kept.restart(80_000, |_| vec![view(1)]);
    assert_eq!(kept.world.resolution(), Some(Resolution::Reconfigured));
}

/// A leak of one connection every half minute.
fn crowd(kept: &mut Kept, from: u64, to: u64) {
    let all = |ms: u64| (1..=ms / 30_000).map(view).collect::<Vec<_>>();
    for second in from / 1_000..to / 1_000 {
        if second % 30 == 0 {
            kept.world.half_closed(second / 30, second * 1_000);
        }
        kept.run(second * 1_000, second * 1_000, all);
    }
}

#[test]
fn an_incident_goes_on_with_age_counts_trend_and_severity() {
    let mut one = Kept::begin(Settings::default());
    crowd(&mut one, 30_000, 1_200_000);
    let told = |kept: &Kept| {
        let last = kept.incidents().last().copied().cloned().unwrap();
        (
            last.id,
            last.opened,
            last.severity,
            last.reason,
            last.rising,
            last.total,
        )
    };
    let before = told(&one);
    assert!(before.4 && before.2 == Severity::Warning, "{before:?}");
    let rate = one.incidents().last().unwrap().rate;
    let known = |_: u64| (1..=39).map(view).collect::<Vec<_>>();
    one.restart(1_260_000, known);
    let after = told(&one);
    assert_eq!(after, before);
    let last = one.incidents().last().copied().cloned().unwrap();
    assert_eq!((last.action, last.severity_change), (Action::Updated, None));
    let now = last.rate.unwrap().tenths_per_minute();
    assert!(
        now.abs_diff(rate.unwrap().tenths_per_minute()) <= 3,
        "{now} {rate:?}"
    );
    assert_eq!(last.connections, 39);
}

#[test]
fn what_an_earlier_version_has_not_known_is_left_out() {
    let mut memory = Memory::default();
    memory.take(Note::Over(5));
    let mut kept = Kept::begin(Settings::default());
    kept.memory = memory;
    kept.restart(1_000, |_| Vec::new());
    assert!(kept.world.events.is_empty());
}

/// What becomes of a connection while nobody watches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Leaks,
    Ends,
    /// Another connection has its socket, and leaks.
    Replaced,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Leaks), Just(Fate::Ends), Just(Fate::Replaced)]
}

proptest! {
    #![proptest_config(cases(64))]

    /// Killed at any moment: each finding is opened once and ends once, under one id, whatever happens meanwhile.
    #[test]
    fn every_finding_has_one_life(
        fates in prop::collection::vec(fate(), 1..12),
        killed in 1_u64..40,
        dead in 1_u64..300,
    ) {
        let mut kept = Kept::begin(Settings::default());
        let count = fates.len() as u64;
        for n in 1..=count {
            kept.world.half_closed(n, n * 2_000);
        }
        let before = |ms: u64| (1..=count).filter(|n| n * 2_000 <= ms).map(view).collect::<Vec<_>>();
        kept.run(1_000, killed * 1_000, before);
        // What was not written down any more never was.
        let all = Memory::default();
        let full = kept.world.engine.all_notes(at(killed * 1_000)).fold(all, |mut all, note| {
            all.take(note);
            all
        });
        let names = |all: &Memory| {
            let findings: Vec<u64> = all.findings.keys().copied().collect();
            let incidents: Vec<_> = all.incidents.keys().copied().collect();
            (findings, incidents)
        };
        prop_assert_eq!(names(&full), names(&kept.memory));
        let opened: BTreeMap<u64, u64> = kept.world.events.iter().filter_map(about_connection)
            .map(|(connection, finding)| (connection.key.sock, finding.id)).collect();
        let begin = (killed + dead) * 1_000;
        let mut left = Vec::new();
        for (n, fate) in (1..=count).zip(&fates) {
            match fate {
                Fate::Leaks => left.push(view(n)),
                Fate::Ends => { kept.world.kernel.half.remove(&sock(n)); }
                Fate::Replaced => {
                    kept.world.kernel.half.insert(sock(n), fin(begin - 500));
                    left.push(SocketView { inode: Some(90_000 + n), ..view(n) });
                }
            }
        }
        kept.restart(begin, |_| left.clone());
        kept.run(begin, begin + 60_000, |_| left.clone());
        let mut ids: BTreeMap<u64, Vec<(u64, Action)>> = BTreeMap::new();
        for (connection, finding) in kept.world.events.iter().filter_map(about_connection) {
            ids.entry(connection.key.sock).or_default().push((finding.id, finding.action));
        }
        let highest = opened.values().max().copied().unwrap_or(0);
        for (n, fate) in (1..=count).zip(&fates) {
            let told = ids.remove(&sock(n)).unwrap_or_default();
            let known = opened.get(&sock(n)).copied();
            match (fate, known) {
                (Fate::Leaks, Some(id)) => prop_assert_eq!(told, vec![(id, Action::Updated)]),
                (Fate::Ends, Some(id)) => prop_assert_eq!(told, vec![(id, Action::Resolved)]),
                (Fate::Ends, None) => prop_assert!(told.is_empty(), "{:?}", told),
                (Fate::Replaced, Some(id)) => {
                    prop_assert_eq!(told[0], (id, Action::Resolved));
                    prop_assert!(told.len() == 2 && told[1].0 > highest && told[1].1 == Action::Opened, "{:?}", told);
                }
                (_, None) => prop_assert!(told.len() == 1 && told[0].0 > highest && told[0].1 == Action::Opened, "{:?}", told),
            }
        }
        let counted: u64 = kept.world.engine.counted();
        prop_assert_eq!(counted, kept.world.engine.findings().len() as u64);
    }
}
