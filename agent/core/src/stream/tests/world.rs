use super::*;

/// A stream with its outputs sorted into what they are.
pub(super) struct World {
    pub(super) stream: Stream,
    pub(super) out: Outbox,
    pub(super) transitions: Vec<(TcpState, TcpState, Cause)>,
    pub(super) events: Vec<Event>,
    pub(super) lives: Vec<(SocketKey, WholeLife)>,
    pub(super) sweeps: Vec<Vec<u32>>,
}

impl World {
    /// Seeded with nothing, telling everything.
    pub(super) fn new() -> Self {
        Self::with(&Settings::default(), everything())
    }

    pub(super) fn with(settings: &Settings, interest: Interest) -> Self {
        Self::seeded(settings, interest, Vec::new())
    }

    pub(super) fn seeded(
        settings: &Settings,
        interest: Interest,
        sockets: Vec<SocketView>,
    ) -> Self {
        let mut world = Self {
            stream: Stream::new(settings, interest, at(0)),
            out: Outbox::default(),
            transitions: Vec::new(),
            events: Vec::new(),
            lives: Vec::new(),
            sweeps: Vec::new(),
        };
        assert_eq!(world.stream.wants_look(at(0)), Some(true));
        world.look(0, &snapshot(0, sockets));
        world
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Event(event) => self.note(event),
                Output::SweepTimeWait(namespaces) => self.sweeps.push(namespaces),
                other => panic!("{other:?} is nothing that the stream asks for"),
            }
        }
    }

    fn note(&mut self, event: Event) {
        if let Body::Transition { transition, .. } = &event.body {
            let Transition {
                from, to, cause, ..
            } = *transition;
            self.transitions.push((from, to, cause));
        }
        if let Body::Connection { connection, life } = &event.body {
            self.lives.push((connection.key, life.clone()));
        }
        self.events.push(event);
    }

    pub(super) fn tell(&mut self, ms: u64, sock: u64, what: What) {
        let time = at(ms);
        let observation = Observation { time, sock, what };
        self.stream.handle(&observation, time, &mut self.out);
        self.drain();
    }

    pub(super) fn change(&mut self, ms: u64, n: u64, change: StateChange) {
        self.tell(ms, sock(n), What::State(change));
    }

    pub(super) fn state(&mut self, ms: u64, n: u64, from: TcpState, to: TcpState) {
        self.change(ms, n, change(n, from, to));
    }

    pub(super) fn opened(&mut self, ms: u64, n: u64, owner: Owner) {
        let open = Open {
            endpoints: ends(n),
            state: TcpState::Established,
            role: Role::Server,
            owner,
            inode: None,
        };
        self.tell(ms, sock(n), What::Open(open));
    }

    pub(super) fn eof(&mut self, ms: u64, n: u64) {
        let eof = Eof {
            endpoints: ends(n),
            state: TcpState::CloseWait,
            fin_at: None,
            pid: 7,
            thread: 7,
        };
        self.tell(ms, sock(n), What::Eof(eof));
    }

    pub(super) fn ended(&mut self, ms: u64, n: u64) {
        self.tell(ms, sock(n), What::End(end(n)));
    }

    /// A connection accepted by process 7 whose peer hangs up at `fin`.
    pub(super) fn half_closed(&mut self, n: u64, fin: u64) {
        self.state(1, n, TcpState::SynReceived, TcpState::Established);
        self.opened(1, n, owner(7, Attribution::Accept));
        self.state(fin, n, TcpState::Established, TcpState::CloseWait);
    }

    /// Lets time pass to `ms`.
    pub(super) fn run(&mut self, ms: u64) {
        while let Some(due) = due(&self.stream).filter(|&due| due <= at(ms)) {
            self.stream.handle_timeout(due, &mut self.out);
            self.drain();
            if self.stream.wants_look(due).is_some() {
                return;
            }
        }
    }

    /// Hands over a look.
    pub(super) fn look(&mut self, ms: u64, snapshot: &Snapshot) {
        self.stream
            .handle_look(snapshot, &|_, _| None, at(ms), &mut self.out);
        self.drain();
    }

    pub(super) fn lost(&mut self, ms: u64) {
        let loss = loss("ring_full");
        self.stream.handle_loss(loss, at(ms), &mut self.out);
        self.drain();
    }

    pub(super) fn known(&self) -> Vec<(SocketKey, TcpState)> {
        let views = self.stream.connections();
        let mut known: Vec<_> = views
            .map(|v| (v.connection.key, v.connection.state))
            .collect();
        known.sort_unstable_by_key(|(key, _)| *key);
        known
    }

    /// The view of a connection.
    pub(super) fn view(&self, key: SocketKey) -> View {
        let mut views = self.stream.connections();
        views.find(|view| view.connection.key == key).unwrap()
    }

    /// The moments of what was told of a connection.
    pub(super) fn times(&self, key: SocketKey) -> Vec<Timestamp> {
        let about = |event: &&Event| connection(event).is_some_and(|c| c.key == key);
        self.events
            .iter()
            .filter(about)
            .map(|event| event.time)
            .collect()
    }
}
