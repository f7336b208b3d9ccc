//! Going on from an earlier daemon, and writing down what the next one is to know.

use finback_core::input::Input;
use finback_core::memory::Note;
use finback_core::model::event::{Body, Event};

use super::remember::Before;
use super::work::Work;

impl Work {
    /// Goes on where an earlier daemon has ended. To be called before anything else is done.
    pub(super) fn go_on_from(&mut self, before: Before) {
        if let Some(memory) = before.memory {
            let now = self.kernel.now();
            self.engine.apply(&Input::Restore(Box::new(memory)), now);
        }
        self.engine.begin_notes();
        self.keeping = Some(before.keeping);
    }

    /// The first look tells what has become of the findings of an earlier daemon: whoever reads standard output is not
    /// there yet.
    pub(super) fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    pub(super) fn tell_or_hold(&mut self, event: Event) {
        let is_kept = matches!(
            event.body,
            Body::Finding { .. } | Body::ProcessFinding { .. } | Body::Incident(_)
        );
        match &mut self.held {
            Some(held) if is_kept => held.push(event),
            _ => self.tell(&event),
        }
    }

    /// Everybody is there.
    pub(super) fn release(&mut self) {
        for event in self.held.take().unwrap_or_default() {
            self.tell(&event);
        }
    }

    /// Writes down what is about to be told, has it told, and then writes down what is over: whoever is killed in between
    /// tells it again, under the same id.
    pub(super) fn write_down_and_tell(&mut self) {
        let Some(keeping) = self.keeping.as_mut().filter(|_| self.held.is_none()) else {
            self.feed.flush();
            return;
        };
        let mut over = Vec::new();
        let open = self.engine.notes().filter_map(|note| match note {
            Note::Over(_) | Note::IncidentOver(_) => {
                over.push(note);
                None
            }
            Note::Alive(_) | Note::Finding(_) | Note::Incident(_) => Some(note),
        });
        keeping.journal.add(open);
        self.feed.flush();
        keeping.journal.add(over.into_iter());
    }

    /// Once a second.
    pub(super) fn write_down_alive(&mut self) {
        let now = self.kernel.now();
        let Some(keeping) = &mut self.keeping else {
            return;
        };
        if keeping.journal.wants_all() {
            keeping.journal.anew(self.engine.all_notes(now));
        } else {
            keeping.journal.add(std::iter::once(self.engine.alive(now)));
        }
    }

    /// Nothing more is told. There may be a next daemon, or not.
    pub(super) fn end_notes(&mut self, is_next: bool) {
        if is_next {
            self.write_down_alive();
        } else if let Some(keeping) = self.keeping.take() {
            keeping.journal.remove();
        }
    }
}
