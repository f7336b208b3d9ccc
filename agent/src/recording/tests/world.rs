//! A machine with one leaked connection, and what a daemon records of it.

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use crate::output::json::{self, About};
use crate::output::samples;
use crate::output::select::Selection;
use crate::process::{Description, Descriptions};
use finback_core::engine::Engine;
use finback_core::input::Input;
use finback_core::model::event::{Body, Output};
use finback_core::model::interest::Interest;
use finback_core::model::look::{
    Candidate, HalfClosed, Jiffies, LocalPorts, Snapshot, SocketCounters, SocketView, UnheldList,
};
use finback_core::model::observation::{Loss, Observation, StateChange, What};
use finback_core::model::process::{Descriptors, Identity, ProcessView};
use finback_core::model::socket::{Endpoints, Holder, Process, ProcessId, Role};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use finback_core::settings::Settings;

const LEAKER: ProcessId = ProcessId {
    pid: 7,
    start: Timestamp::from_nanos(7_000),
};

fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + ms * 1_000_000)
}

fn ends() -> Endpoints {
    let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
    Endpoints {
        local: addr("10.0.0.2:80"),
        peer: addr("[2001:db8::1]:4711"),
        netns: 1,
    }
}

fn half() -> HalfClosed {
    HalfClosed::at(at(1_000))
}

fn leaked() -> SocketView {
    let process = Process {
        id: LEAKER,
        comm: "leaker".into(),
        uid: Some(0),
        cgroup: Some(3),
        group: Some("/a".into()),
    };
    SocketView {
        sock: 0xffff_8880_0000_1000,
        endpoints: ends(),
        state: TcpState::CloseWait,
        role: Role::Server,
        opener: None,
        holders: vec![Holder {
            process: Arc::new(process),
            fd: 5,
        }],
        queued: None,
        inode: Some(4001),
        cookie: None,
        half: Some(Box::new(half())),
        fin_behind_hole: false,
        halted: None,
        waiting: None,
        counters: Some(SocketCounters {
            unread: 1,
            snd_una: Some(0),
            write_seq: Some(0),
            ..SocketCounters::default()
        }),
    }
}

fn look(ms: u64) -> Snapshot {
    Snapshot {
        taken: at(ms),
        took: Duration::from_millis(1),
        cost: Duration::from_millis(1),
        jiffies: Some(Jiffies {
            now: u32::try_from(ms).unwrap(),
            at: at(ms),
            length: Duration::from_millis(1),
        }),
        sockets: vec![leaked()],
        unheld: Some(UnheldList::default()),
        openers: Vec::new(),
    }
}

fn ended() -> Observation {
    Observation {
        time: at(1_000),
        sock: 0xffff_8880_0000_1000,
        what: What::State(StateChange {
            endpoints: ends(),
            from: TcpState::Established,
            to: TcpState::CloseWait,
            entered: None,
            role: Role::Server,
            error: 0,
            dead: false,
            fin_received: true,
            shutdown: false,
            closed: false,
            exiting: false,
            unattached: false,
            unread: 1,
            actor: None,
            cookie: Some(9),
        }),
    }
}

fn process(id: ProcessId) -> ProcessView {
    ProcessView {
        id,
        ended: false,
        identity: Some(Identity::default()),
        descriptors: Some(Descriptors {
            open: 9,
            limit: 1024,
        }),
    }
}

/// What a daemon does, on a machine with one leaked connection.
struct Live {
    engine: Engine,
    tape: Tape,
    people: Descriptions,
    now: u64,
    seq: u64,
    lines: Vec<u8>,
}

impl Live {
    fn give(&mut self, input: &Input) {
        self.tape.input(input, at(self.now));
        input.apply(&mut self.engine, at(self.now));
    }

    fn turn(&mut self) {
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Event(event) => {
                    let named = matches!(event.body, Body::Finding { .. } | Body::Incident(_));
                    if named {
                        self.described(self.seq);
                    }
                    let about = About {
                        processes: named.then_some(&self.people),
                        ..About::default()
                    };
                    self.seq += 1;
                    let event = json::event(&event, self.seq, samples::CLOCK, about);
                    json::write_line(&event, &mut self.lines).unwrap();
                }
                Output::Scan => self.give(&Input::Scan(vec![Candidate {
                    sock: leaked().sock,
                    fin_at: at(1_000),
                }])),
                Output::Look { .. } => self.give(&Input::Look(look(self.now))),
                Output::LookAtProcesses(ids) => {
                    self.give(&Input::Processes(ids.into_iter().map(process).collect()));
                }
                Output::LostRequest(_)
                | Output::Mark(_)
                | Output::Unmark(_)
                | Output::Clear(_)
                | Output::SweepTimeWait(_)
                | Output::LookAtPorts { .. } => {}
            }
        }
        self.tape.turn();
        self.tape.send();
    }

    /// The process is another program each time.
    fn described(&mut self, round: u64) {
        let known = Description {
            path: Some(format!("/bin/leaker{round}").into()),
            ..Description::default()
        };
        self.people.put(LEAKER, Some(known.clone()));
        self.tape.told(vec![(LEAKER, Some(known))]);
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now < until {
            self.now += 500;
            if self.engine.poll_timeout() <= at(self.now) {
                self.give(&Input::Timeout);
            }
            self.turn();
        }
    }
}

/// A recording of some 20 s, and the lines that were told.
pub(super) fn recorded(max_bytes: u64) -> (Vec<u8>, Vec<u8>, Arc<Progress>) {
    let beginning = Beginning {
        settings: Settings {
            watching_since: at(0),
            boot_id: "5f1c0d5e-8a53-4c3b-9f6d-0f3a1f9f2a10".into(),
            ..Settings::default()
        },
        hello: samples::hello(),
        boot: samples::CLOCK.boot(),
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let wanted = Wanted {
        file: Arc::new(file.reopen().unwrap()),
        max_bytes,
        select: Selection::stream(),
        progress: Arc::default(),
    };
    let mut live = Live {
        tape: Tape::begin(&wanted, &beginning).unwrap(),
        engine: Engine::new(beginning.settings),
        people: Descriptions::with([]),
        now: 0,
        seq: 0,
        lines: Vec::new(),
    };
    live.give(&Input::Timeout);
    live.turn();
    let states = [TcpState::CloseWait, TcpState::Closed];
    live.give(&Input::Interest(Interest::in_states(states)));
    live.pass(1_000);
    live.give(&Input::Observation(ended()));
    live.give(&Input::NoLoss);
    live.pass(9_000);
    live.give(&Input::Loss(Loss {
        records: 3,
        reason: "ring_full".into(),
    }));
    live.give(&Input::MissedRuns(2));
    live.pass(12_000);
    for input in [
        Input::FailedLook,
        Input::TimeWait(UnheldList::default()),
        Input::Ports {
            ports: vec![LocalPorts {
                netns: 1,
                low: 1,
                high: 9,
                reserved: 0,
            }],
            ended: vec![LEAKER],
        },
    ] {
        live.give(&input);
    }
    live.turn();
    live.tape.end();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    (bytes, live.lines, wanted.progress)
}
