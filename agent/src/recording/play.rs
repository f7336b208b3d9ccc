//! Tells again what was told when a recording was made.

use std::path::Path;

use super::entry::{Beginning, Entry};
use crate::output::clock::WallClock;
use crate::output::json::{self, About, Body, Hello};
use crate::output::select::Selection;
use crate::process::{Description, Descriptions};
use finback_core::engine::Engine;
use finback_core::input::Input;
use finback_core::model::event::{self, Event, Output};
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// An engine that is given what another one was given.
#[derive(Debug)]
pub struct Player {
    engine: Engine,
    clock: WallClock,
    people: Descriptions,
    hello: Hello<'static>,
    began: Timestamp,
    seq: u64,
    select: Selection,
}

impl Player {
    /// Nothing has happened yet. Tells what is selected.
    pub fn new(beginning: Beginning, select: Selection) -> Self {
        Self {
            clock: WallClock::from_boot(beginning.boot),
            // Never asked for anybody: it is told.
            people: Descriptions::new(Path::new("/")),
            hello: beginning.hello,
            began: beginning.settings.watching_since,
            engine: Engine::new(beginning.settings),
            seq: 0,
            select,
        }
    }

    /// What the first line says.
    pub fn greeting(&self) -> json::Event<'static> {
        json::Event {
            schema: json::SCHEMA,
            seq: 0,
            time: self.clock.at(self.began),
            body: Body::Hello {
                hello: self.hello.clone(),
            },
        }
    }

    /// Does what was done, and tells what was told.
    pub fn take(&mut self, entry: Entry<Input>, tell: &mut dyn FnMut(&json::Event<'_>)) {
        match entry {
            Entry::Input { now, input } => input.apply(&mut self.engine, now),
            Entry::Told(known) => self.tell_next(known, tell),
            Entry::Turn => while self.tell_one(tell).is_some() {},
            Entry::Clock(boot) => self.clock = WallClock::from_boot(boot),
            Entry::End(_) => {}
        }
    }

    /// Up to the next finding or incident, which is told with this.
    fn tell_next(
        &mut self,
        known: Vec<(ProcessId, Option<Description>)>,
        tell: &mut dyn FnMut(&json::Event<'_>),
    ) {
        for (id, description) in known {
            self.people.put(id, description);
        }
        while self.tell_one(tell) == Some(false) {}
    }

    /// The next event, if there is one. Whether it is one that is told with what is known of processes.
    fn tell_one(&mut self, tell: &mut dyn FnMut(&json::Event<'_>)) -> Option<bool> {
        let event = std::iter::from_fn(|| self.engine.next_output()).find_map(told)?;
        let names_processes = names_processes(&event.body);
        self.seq += 1;
        if self.select.takes(&event.body) {
            let about = About {
                processes: names_processes.then_some(&self.people),
                ..About::default()
            };
            tell(&json::event(&event, self.seq, self.clock, about));
        }
        Some(names_processes)
    }
}

/// What is wanted done was done when it was recorded; its answers are recorded.
fn told(output: Output) -> Option<Event> {
    if let Output::Event(event) = output {
        Some(event)
    } else {
        None
    }
}

const fn names_processes(body: &event::Body) -> bool {
    matches!(
        body,
        event::Body::Finding { .. } | event::Body::ProcessFinding { .. } | event::Body::Incident(_)
    )
}
