//! The agent's loop around the stream, with the model as its kernel, and what must hold in it.

use std::collections::BTreeMap;

use super::model::{Act, Model, Truth};
use super::*;

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

/// What was true when a pass began. It ends when it is handed over.
type Answer = (u64, Vec<Truth>);

/// The agent's loop around the stream, with the model as its kernel.
pub(super) struct Run {
    pub(super) model: Model,
    pub(super) stream: Stream,
    pub(super) out: Outbox,
    pub(super) fates: Vec<Fate>,
    /// On their way to the stream: what happens meanwhile overtakes them.
    pub(super) answers: Vec<Answer>,
    /// The records are such as a kernel writes.
    pub(super) lawful: bool,
    /// The moment of the last event of each connection, and whether that was its end.
    told: BTreeMap<SocketKey, (Timestamp, bool)>,
    /// What a subscriber takes for the state of each connection.
    pub(super) states: BTreeMap<SocketKey, TcpState>,
    pub(super) changes: Vec<(SocketKey, TcpState, Cause)>,
    pub(super) lives: Vec<(SocketKey, WholeLife)>,
}

impl Run {
    pub(super) fn new(interest: Interest, time_wait_hooks: bool) -> Self {
        let settings = Settings {
            time_wait_by_sweep: !time_wait_hooks,
            ..Settings::default()
        };
        let mut run = Self {
            model: Model {
                interest,
                time_wait_hooks,
                ..Model::default()
            },
            stream: Stream::new(&settings, interest, at(0)),
            out: Outbox::default(),
            fates: Vec::new(),
            answers: Vec::new(),
            lawful: true,
            told: BTreeMap::new(),
            states: BTreeMap::new(),
            changes: Vec::new(),
            lives: Vec::new(),
        };
        run.stream
            .handle_look(&snapshot(0, Vec::new()), &|_, _| None, at(0), &mut run.out);
        run
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
            self.stream.handle_timeout(at(now), &mut self.out);
            self.answer();
        }
        self.model.now = end;
    }

    fn next_timer(&self) -> Option<u64> {
        let due = due(&self.stream)?;
        Some(
            due.since(at(0))
                .as_nanos()
                .div_ceil(1_000_000)
                .try_into()
                .unwrap(),
        )
    }

    fn handle(&mut self, record: &Observation) {
        self.stream
            .handle(record, at(self.model.now), &mut self.out);
    }

    /// Hands over what is in the ring, as far as it arrives.
    pub(super) fn read_ring(&mut self) {
        let mut lost = 0;
        let mut late = None;
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
                Fate::Twice => self.handle(&record),
                Fate::Arrives | Fate::AfterTheNext => {}
            }
            self.handle(&record);
            if let Some(late) = late.take() {
                self.handle(&late);
            }
        }
        if let Some(late) = late {
            self.handle(&late);
        }
        if lost > 0 {
            self.lose(lost);
        }
        self.hand_over_answers();
        self.answer();
    }

    fn lose(&mut self, records: u64) {
        let loss = Loss {
            records,
            reason: "ring_full".into(),
        };
        let now = at(self.model.now);
        self.stream.handle_loss(loss, now, &mut self.out);
    }

    fn hand_over_answers(&mut self) {
        let now = at(self.model.now);
        for answer in std::mem::take(&mut self.answers) {
            let (look, visited) = self.model.look(&answer);
            // The other engine knows the beginning of each.
            let names = |sock, _| {
                let visited = visited.iter().find(|c| c.full && c.key.sock == sock);
                visited.map(|truth| truth.key)
            };
            self.stream.handle_look(&look, &names, now, &mut self.out);
            self.answer();
        }
    }

    /// Begins a look at the whole kernel.
    pub(super) fn begin_look(&mut self) {
        self.stream.looking(true);
        self.answers
            .push((self.model.now, self.model.connections.clone()));
    }

    /// Compares the table with the kernel without delay.
    pub(super) fn resync(&mut self) {
        self.read_ring();
        while !self.answers.is_empty() {
            self.hand_over_answers();
        }
        self.model.now += 1;
        self.lose(1);
        self.begin_look();
        self.hand_over_answers();
        // Exits are found by listing.
        self.stream
            .handle_timeout(at(self.model.now), &mut self.out);
        self.answer();
    }

    pub(super) fn answer(&mut self) {
        let now = at(self.model.now);
        while let Some(output) = self.out.pop() {
            match output {
                Output::Event(event) => self.check_event(&event),
                Output::SweepTimeWait(namespaces) => {
                    let all = self.model.connections.iter();
                    let unheld: Vec<Unheld> = all.filter_map(Truth::unheld).collect();
                    self.stream
                        .handle_time_wait(&namespaces, &unheld, now, &mut self.out);
                }
                other => panic!("{other:?} is nothing that the stream asks for"),
            }
        }
        if self.answers.is_empty() && self.stream.wants_look(now).is_some() {
            self.begin_look();
        }
    }

    /// Every line about a connection is in the order of time, every change is told once, nothing comes after the end.
    fn check_event(&mut self, event: &Event) {
        let Some(connection) = connection(event) else {
            return;
        };
        let key = connection.key;
        let (last, ended) = self.told.entry(key).or_default();
        assert!(
            event.time >= *last || !self.lawful,
            "older than what was told: {event:?}"
        );
        *last = event.time;
        match &event.body {
            Body::Transition { transition, .. } => {
                // Two records of one moment say that it closes and that a minisock takes over; they may be swapped.
                let to = transition.to;
                let minisock = to == TcpState::TimeWait;
                assert!(
                    !*ended || minisock || !self.lawful,
                    "changed after its end: {event:?}"
                );
                *ended = to == TcpState::Closed;
                let before = self.states.insert(key, to);
                assert!(before != Some(to) || !self.lawful, "told twice: {event:?}");
                self.changes.push((key, to, transition.cause));
            }
            Body::Connection { life, .. } => self.lives.push((key, life.clone())),
            _ => {}
        }
    }

    /// The table equals the model; minisocks that the stream never heard of are not in it.
    pub(super) fn check_table(&self) {
        self.check_full_sockets();
        for view in self.stream.connections().filter(|view| view.minisock) {
            let shown = &view.connection;
            let mut all = self.model.connections.iter();
            let truth = all.find(|c| c.minisock.is_some() && c.ends == shown.endpoints);
            let state = truth.map(Truth::seen_state);
            assert_eq!(state, Some(shown.state), "{shown:?}");
        }
    }

    /// A subscriber knows the state of every connection, and takes none for alive that is not. Where all that came of
    /// two connections between the same addresses fits one, they have one name.
    pub(super) fn check_subscriber(&self) {
        for (&key, &told) in &self.states {
            let mut all = self.model.connections.iter();
            let alive = all.find(|c| c.is_alive() && c.ends == ends(key.sock / 0x1000 % 0x1000));
            let truth = alive.filter(|_| self.is_last(key));
            let state = truth.map_or(TcpState::Closed, Truth::seen_state);
            // Of what closed a record may have come, and none of what goes on without a descriptor.
            let half =
                told == TcpState::Closed && truth.is_some_and(|c| !c.open || c.minisock.is_some());
            let asked = self.model.interest.tells(state);
            assert!(
                told == state || half || !asked,
                "told {told:?}, is {state:?}: {key:?}"
            );
        }
        let full = |c: &&Truth| c.full && c.open && c.minisock.is_none() && c.is_alive();
        for truth in self.model.connections.iter().filter(full) {
            let known = self.states.keys().any(|key| key.sock == truth.key.sock);
            let asked = self.model.interest.tells(truth.state);
            assert!(known || !asked, "never told of {truth:?}");
        }
    }

    /// Whether no younger connection of the same socket was told of.
    fn is_last(&self, key: SocketKey) -> bool {
        let mut younger = self.states.keys().filter(|other| other.sock == key.sock);
        younger.all(|other| other.birth <= key.birth)
    }

    /// The full sockets in the table are those of the model. One that nothing was heard of before it lost its descriptor
    /// is not found by its socket.
    pub(super) fn check_full_sockets(&self) {
        let full = self.stream.connections().filter(|view| !view.minisock);
        let mut table = BTreeMap::new();
        for view in full {
            let (sock, state) = (view.connection.key.sock, view.connection.state);
            let before = table.insert(sock, state);
            assert_eq!(before, None, "one entry per connection");
        }
        let mut truth = BTreeMap::new();
        for connection in &self.model.connections {
            let sock = connection.key.sock;
            if connection.minisock.is_some() {
                // Whether its full socket is still there, is nobody's business.
                table.remove(&sock);
            } else if connection.full && (connection.open || table.contains_key(&sock)) {
                truth.insert(sock, connection.state);
            }
        }
        assert_eq!(table, truth);
    }
}
