//! The agent's loop around the tracker, with the model as its kernel, and what must hold in it.

use std::collections::{BTreeMap, BTreeSet as Set};

use super::justice;
use super::model::{Act, Model, Truth};
use super::*;
use crate::model::finding::Confidence;
use crate::model::observation::Loss;

/// What becomes of a record on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Arrives,
    Lost,
    Twice,
    AfterTheNext,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Act(usize, Act),
    /// Milliseconds, few enough that the ring is not read meanwhile; 0 makes a tie.
    Tick(u64),
    /// Milliseconds in which everything arrives and timers fire.
    Wait(u64),
    Fates(Vec<Fate>),
    /// The answers come though older records are still in the ring.
    Overtake,
}

/// The agent's loop around the tracker, with the model as its kernel.
pub(super) struct Run {
    pub(super) model: Model,
    pub(super) tracker: Tracker,
    pub(super) fates: Vec<Fate>,
    /// Answers on their way to the tracker: what happens meanwhile overtakes them.
    pub(super) answers: Vec<Answer>,
    /// A look takes no time: otherwise until the next timer.
    pub(super) prompt: bool,
    /// The truth at the moment of the look that is being handled.
    truth: (u64, Vec<Truth>),
    pub(super) open: BTreeMap<u64, SocketKey>,
    resolved: Set<u64>,
    /// The records are such as a kernel writes.
    pub(super) lawful: bool,
    /// The moment of the last event of each connection, and whether that was its end.
    told: BTreeMap<SocketKey, (Timestamp, bool)>,
    /// What a subscriber takes for the state of each connection.
    states: BTreeMap<SocketKey, TcpState>,
}

/// A pass over the model's kernel: what was true when it began. It ends when it is handed over.
pub(super) struct Answer {
    whole: bool,
    truth: (u64, Vec<Truth>),
}

impl Run {
    pub(super) fn new(time_wait_hooks: bool) -> Self {
        let mut tracker = Tracker::new(Settings {
            reported: EVERY_STATE.into(),
            time_wait_by_sweep: !time_wait_hooks,
            ..Settings::default()
        });
        tracker.handle_snapshot(&snapshot(0, Vec::new()), at(0));
        Self {
            model: Model {
                time_wait_hooks,
                ..Model::default()
            },
            tracker,
            fates: Vec::new(),
            answers: Vec::new(),
            prompt: false,
            truth: (0, Vec::new()),
            open: BTreeMap::new(),
            resolved: Set::new(),
            lawful: true,
            told: BTreeMap::new(),
            states: BTreeMap::new(),
        }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Act(socket, act) => self.model.act(*socket, *act),
            Step::Tick(ms) => self.model.now += ms,
            Step::Wait(ms) => self.wait(*ms),
            Step::Fates(fates) => self.fates.clone_from(fates),
            Step::Overtake => self.hand_over_answers(),
        }
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.read_ring();
        let end = self.model.now + ms;
        while let Some(due) = self.next_timer().filter(|&due| due <= end) {
            self.model.now = due.max(self.model.now);
            let (now, old) = (self.model.now, self.model.now.saturating_sub(60_000));
            self.model
                .leave_time_wait(|c| c.minisock.is_some_and(|(_, since)| since < old));
            self.read_ring();
            self.tracker.handle_timeout(at(now));
            self.answer();
            if self.prompt {
                self.hand_over_answers();
            }
        }
        self.model.now = end;
    }

    fn next_timer(&self) -> Option<u64> {
        let due = self.tracker.poll_timeout()?;
        Some(
            due.since(at(0))
                .as_nanos()
                .div_ceil(1_000_000)
                .try_into()
                .unwrap(),
        )
    }

    /// Hands over what is in the ring, as far as it arrives.
    pub(super) fn read_ring(&mut self) {
        let mut lost = 0;
        let mut late = None;
        let now = at(self.model.now);
        for (n, record) in std::mem::take(&mut self.model.ring).into_iter().enumerate() {
            let fate = match self.fates.len() {
                0 => Fate::Arrives,
                len => self.fates[n % len],
            };
            match fate {
                Fate::Lost => {
                    lost += 1;
                    continue;
                }
                Fate::AfterTheNext if late.is_none() => {
                    late = Some(record);
                    continue;
                }
                Fate::Twice => self.tracker.handle(record.clone(), now),
                Fate::Arrives | Fate::AfterTheNext => {}
            }
            self.tracker.handle(record, now);
            if let Some(late) = late.take() {
                self.tracker.handle(late, now);
            }
        }
        if let Some(late) = late {
            self.tracker.handle(late, now);
        }
        if lost > 0 {
            let reason = "ring_full";
            self.tracker.handle_loss(
                Loss {
                    records: lost,
                    reason,
                },
                now,
            );
        }
        self.hand_over_answers();
        self.answer();
    }

    fn hand_over_answers(&mut self) {
        let now = at(self.model.now);
        for answer in std::mem::take(&mut self.answers) {
            self.answer();
            let snapshot = self.model.snapshot_since(&answer.truth);
            self.truth = answer.truth;
            if answer.whole {
                self.tracker.handle_resync(&snapshot, now);
            } else {
                self.tracker.handle_snapshot(&snapshot, now);
            }
            self.answer();
        }
    }

    /// Looks at the whole kernel as it is now.
    pub(super) fn take(&self, whole: bool) -> Answer {
        Answer {
            whole,
            truth: (self.model.now, self.model.connections.clone()),
        }
    }

    /// Compares the table with the kernel without delay.
    pub(super) fn resync(&mut self) {
        self.read_ring();
        self.model.now += 1;
        self.answers.push(self.take(true));
        self.hand_over_answers();
    }

    pub(super) fn answer(&mut self) {
        let now = at(self.model.now);
        while let Some(output) = self.tracker.next_output() {
            match output {
                Output::Event(event) => self.check_event(&event),
                Output::Inspect(keys) => {
                    assert!(keys.is_sorted());
                    self.answers.push(self.take(false));
                }
                Output::SweepTimeWait(namespaces) => {
                    let minisocks = self.model.minisocks();
                    self.tracker.handle_time_wait(&namespaces, &minisocks, now);
                }
                Output::LookAtPorts { .. } => self.tracker.handle_ports(&[], &[], now),
                Output::Resync => self.answers.push(self.take(true)),
            }
        }
    }

    fn check_event(&mut self, event: &Event) {
        let (Body::Finding { connection, .. }
        | Body::Transition { connection, .. }
        | Body::Eof { connection, .. }) = &event.body
        else {
            return;
        };
        let (last, ended) = self.told.entry(connection.key).or_default();
        assert!(event.time >= *last, "older than what was told: {event:?}");
        *last = event.time;
        if let Body::Transition { transition, .. } = &event.body {
            // Two records of one moment say that it closes and that a minisock takes over; they may be swapped.
            let legal = !*ended || transition.to == TcpState::TimeWait;
            assert!(legal || !self.lawful, "changed after its end: {event:?}");
            *ended = transition.to == TcpState::Closed;
            self.states.insert(connection.key, transition.to);
        }
        if let Body::Finding { finding, .. } = &event.body {
            self.check(connection.key, finding);
        }
    }

    fn check(&mut self, key: SocketKey, finding: &Finding) {
        match finding.action {
            Action::Opened => {
                assert!(!self.resolved.contains(&finding.id), "opened after its end");
                assert!(self.open.values().all(|&open| open != key), "opened twice");
                assert_eq!(self.open.insert(finding.id, key), None, "its id is taken");
                self.check_proof(key, finding);
            }
            Action::Updated => {
                assert_eq!(self.open.get(&finding.id), Some(&key));
                self.check_proof(key, finding);
            }
            Action::Resolved => {
                assert_eq!(self.open.remove(&finding.id), Some(key), "not open");
                assert!(self.resolved.insert(finding.id), "resolved twice");
                assert!(finding.resolution.is_some());
            }
        }
    }

    /// What the finding says is true, and has been for its threshold.
    fn check_proof(&self, key: SocketKey, finding: &Finding) {
        if finding.verdict == Verdict::WriteAfterFin {
            // A reset tells it at once, without a look.
            assert!(self.model.refused.contains(&key), "nothing was refused");
            return;
        }
        let truth = self.truth(key).expect("the connection exists");
        self.check_confidence(truth, finding);
        let (now, verdict) = (self.truth.0, finding.verdict);
        let just = justice::is_just(truth, verdict, now);
        assert!(just, "{finding:?} {truth:?}");
        let holders = if truth.accepted {
            holder(truth.holder, 5)
        } else {
            holder(3, 3)
        };
        assert_eq!(finding.holders, [holders]);
        let since = justice::since(truth, finding.verdict);
        let idle = Duration::from_millis(self.truth.0 - since);
        assert!(idle >= finding.evidence.threshold, "{idle:?} {truth:?}");
    }

    /// Where nothing is missing the proof is complete.
    fn check_confidence(&self, truth: &Truth, finding: &Finding) {
        let told = truth.eof_at.is_some() || truth.fin_with_data;
        let all = &self.model.connections;
        // What the hooks had noted of a socket that ends during the pass is gone with it.
        let noted = all.iter().any(|c| c.full && c.key == truth.key);
        if finding.confidence == Confidence::Likely {
            assert_eq!(finding.verdict, Verdict::NotClosed);
            assert_eq!(finding.evidence.missing, ["eof"]);
            assert!(truth.unread == 0 && !(told && noted), "{truth:?}");
        } else if finding.verdict == Verdict::NotClosed {
            assert!(truth.eof_at.is_some(), "nobody was told: {truth:?}");
        }
    }

    fn truth(&self, key: SocketKey) -> Option<&Truth> {
        self.truth.1.iter().find(|c| c.key == key && c.full)
    }

    /// What deserves a finding as things are.
    pub(super) fn wrong(&self) -> BTreeMap<SocketKey, Vec<Verdict>> {
        let full = self.model.connections.iter().filter(|c| c.full);
        full.map(|c| (c.key, justice::deserved(c)))
            .filter(|(_, verdicts)| !verdicts.is_empty())
            .collect()
    }

    /// The verdict of the open finding.
    pub(super) fn verdict(&self, key: SocketKey) -> Option<Verdict> {
        let id = self.open.iter().find(|&(_, open)| *open == key)?.0;
        let finding = self.tracker.findings().find(|finding| finding.id == *id);
        Some(finding.expect("the tracker has it as well").verdict)
    }

    /// Full sockets in the table, and minisocks.
    fn table(&self) -> (BTreeMap<SocketKey, TcpState>, BTreeMap<SocketKey, TcpState>) {
        let mut table = (BTreeMap::new(), BTreeMap::new());
        for view in self.tracker.connections() {
            let part = if view.minisock {
                &mut table.1
            } else {
                &mut table.0
            };
            let before = part.insert(view.connection.key, view.connection.state);
            assert_eq!(before, None, "one entry per connection");
        }
        table
    }

    /// The table equals the model; minisocks that the tracker never heard of are not in it.
    pub(super) fn check_table(&self) {
        let (_, found) = self.table();
        for (key, state) in found {
            assert!(self.is_minisock(key, state), "minisock {key:?} {state:?}");
        }
        self.check_full_sockets();
        self.check_stream();
    }

    /// A sweep knows addresses only: a connection nothing of which arrived can stand for the one before it.
    fn is_minisock(&self, key: SocketKey, state: TcpState) -> bool {
        let same = |other: SocketKey| {
            other == key || !self.model.time_wait_hooks && other.sock == key.sock
        };
        let mut all = self.model.connections.iter();
        all.any(|c| same(c.key) && c.minisock.is_some_and(|(substate, _)| substate == state))
    }

    /// A subscriber knows the state of every connection, and takes none for alive that is not.
    fn check_stream(&self) {
        let mut truth = BTreeMap::new();
        for c in &self.model.connections {
            let state = c.minisock.map_or(c.state, |(substate, _)| substate);
            if (c.full || c.minisock.is_some()) && state != TcpState::Closed {
                truth.insert(c.key, state);
            }
        }
        // Of the socket that closed a record may have come, of the minisock that goes on none.
        let goes_on = |key| {
            let mut all = self.model.connections.iter();
            all.any(|c| c.key == key && c.minisock.is_some())
        };
        for (&key, &state) in &self.states {
            let real = truth.get(&key).copied().unwrap_or(TcpState::Closed);
            let half = state == TcpState::Closed && goes_on(key);
            assert!(
                state == real || half || self.is_minisock(key, state),
                "told {state:?}, is {real:?}: {key:?}"
            );
        }
        let full = |c: &&Truth| c.full && c.minisock.is_none() && c.state != TcpState::Closed;
        for c in self.model.connections.iter().filter(full) {
            assert!(self.states.contains_key(&c.key), "never told of {c:?}");
        }
    }

    pub(super) fn check_full_sockets(&self) {
        let connections = &self.model.connections;
        let (full, _) = self.table();
        let truth: BTreeMap<_, _> = connections
            .iter()
            .filter(|c| c.full && c.minisock.is_none())
            .map(|c| (c.key, c.state))
            .collect();
        let full: BTreeMap<_, _> = full
            .into_iter()
            .filter(|(key, _)| {
                !connections
                    .iter()
                    .any(|c| c.key == *key && c.minisock.is_some())
            })
            .collect();
        assert_eq!(full, truth);
    }
}
