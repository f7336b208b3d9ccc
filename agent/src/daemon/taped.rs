//! The engine, and the tape that runs along if all is to be recorded.

use std::io;
use std::ops::Deref;

use crate::output::clock::WallClock;
use crate::output::json::Hello;
use crate::process::Descriptions;
use crate::recording::{Beginning, Tape, Wanted};
use finback_core::engine::Engine;
use finback_core::input::Input;
use finback_core::memory::Note;
use finback_core::model::event::Output;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use finback_core::settings::Settings;

/// Everything that the engine is given goes through here.
#[derive(Debug)]
pub(super) struct Taped {
    engine: Engine,
    tape: Option<Tape>,
}

impl Taped {
    pub(super) fn new(
        settings: Settings,
        clock: WallClock,
        hello: &Hello<'static>,
        wanted: Option<&Wanted>,
    ) -> io::Result<Box<Self>> {
        let begin = |wanted| {
            let beginning = Beginning {
                settings: settings.clone(),
                hello: hello.clone(),
                boot: clock.boot(),
            };
            Tape::begin(wanted, &beginning)
        };
        Ok(Box::new(Self {
            tape: wanted.map(begin).transpose()?,
            engine: Engine::new(settings),
        }))
    }

    pub(super) fn apply(&mut self, input: &Input, now: Timestamp) {
        if let Some(tape) = &mut self.tape {
            tape.input(input, now);
        }
        input.apply(&mut self.engine, now);
    }

    pub(super) fn begin_notes(&mut self) {
        self.engine.begin_notes();
    }

    pub(super) fn notes(&mut self) -> impl Iterator<Item = Note> {
        self.engine.notes()
    }

    pub(super) fn next_output(&mut self) -> Option<Output> {
        self.engine.next_output()
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.engine.shrink_to_fit();
    }

    /// A finding or an incident is told, with what is known of these processes.
    pub(super) fn told(&mut self, all: &[ProcessId], people: &Descriptions) {
        if let Some(tape) = &mut self.tape {
            let known = |id: &ProcessId| (*id, people.known(*id).cloned());
            tape.told(all.iter().map(known).collect());
        }
    }

    pub(super) fn clock_was_set(&mut self, clock: WallClock) {
        if let Some(tape) = &mut self.tape {
            tape.clock(clock);
        }
    }

    /// All that the engine has said was told.
    pub(super) fn turn(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.turn();
        }
    }

    /// Nothing more comes.
    pub(super) fn end(self: Box<Self>) {
        if let Some(tape) = self.tape {
            tape.end();
        }
    }
}

impl Deref for Taped {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}
