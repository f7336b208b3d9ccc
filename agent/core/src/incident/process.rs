//! What is known of the processes that are accused, and the findings that wait until it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::charge::Notice;
use super::key::Place;
use crate::model::process::{Descriptors, Identity, ProcessView};
use crate::model::socket::{Process, ProcessId};
use crate::model::time::Timestamp;

/// A finding does not wait for longer to be counted: then its process is known by its short name only, and what its
/// program is called at other times is another cause. Looks of a busy host take seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is known of a process.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) ended: bool,
    /// Its descriptors, as found last and the time before.
    pub(super) descriptors: [Option<Descriptors>; 2],
}

/// A process that nothing is known of yet.
#[derive(Debug)]
struct Stranger {
    process: Arc<Process>,
    /// When it was asked for.
    asked: Option<Timestamp>,
    notices: Vec<Notice>,
}

/// The accused processes.
#[derive(Debug, Default)]
pub(super) struct Processes {
    known: FxHashMap<ProcessId, Known>,
    strangers: BTreeMap<ProcessId, Stranger>,
    /// Findings that wait, with their process.
    waiting: FxHashMap<u64, ProcessId>,
    /// When the question was asked that nobody has answered yet.
    under_way: Option<Timestamp>,
}

impl Processes {
    pub(super) fn get(&self, id: ProcessId) -> Option<&Known> {
        self.known.get(&id)
    }

    /// Whether a finding waits for its process to be known.
    pub(super) fn awaits(&self, finding: u64) -> bool {
        self.waiting.contains_key(&finding)
    }

    /// Whether any does.
    pub(super) fn have_strangers(&self) -> bool {
        !self.strangers.is_empty()
    }

    /// Puts it aside until its process is known; what follows comes in its order.
    pub(super) fn put_aside(&mut self, notice: Notice) {
        let waits_for = notice.finding().and_then(|id| self.waiting.get(&id));
        let named = notice.process();
        let Some(process) = waits_for.copied().or_else(|| named.map(|named| named.id)) else {
            return;
        };
        if let Some(named) = named.filter(|named| named.id == process) {
            self.strangers.entry(process).or_insert_with(|| Stranger {
                process: Arc::clone(named),
                asked: None,
                notices: Vec::new(),
            });
        }
        if let Some(stranger) = self.strangers.get_mut(&process) {
            self.waiting
                .extend(notice.finding().map(|id| (id, process)));
            stranger.notices.push(notice);
        }
    }

    /// Whether a question may be asked: one is under way at most.
    pub(super) fn may_ask(&self, now: Timestamp) -> bool {
        self.under_way.is_none_or(|asked| now >= asked + PATIENCE)
    }

    /// A question is under way.
    pub(super) const fn asked(&mut self, now: Timestamp) {
        self.under_way = Some(now);
    }

    /// It was answered.
    pub(super) const fn answered(&mut self) {
        self.under_way = None;
    }

    /// The strangers that nobody has asked for yet.
    pub(super) fn ask(&mut self, now: Timestamp) -> Vec<ProcessId> {
        let new = self.strangers.iter_mut();
        let new = new.filter(|(_, stranger)| stranger.asked.is_none());
        new.map(|(id, stranger)| {
            stranger.asked = Some(now);
            *id
        })
        .collect()
    }

    /// Takes what was found of a process; the findings that waited for it.
    pub(super) fn learn(&mut self, view: &ProcessView) -> Vec<Notice> {
        if let Some(known) = self.known.get_mut(&view.id) {
            known.ended |= view.ended;
            known.descriptors = [view.descriptors, known.descriptors[0]];
            return Vec::new();
        }
        self.meet(view.id, view.identity.as_ref(), |known| {
            known.ended = view.ended;
            known.descriptors[0] = view.descriptors;
        })
    }

    /// The findings that have waited long enough.
    pub(super) fn give_up(&mut self, now: Timestamp) -> Vec<Notice> {
        let late = |stranger: &Stranger| stranger.asked.is_some_and(|at| now >= at + PATIENCE);
        let late: Vec<ProcessId> = self
            .strangers
            .iter()
            .filter(|(_, stranger)| late(stranger))
            .map(|(id, _)| *id)
            .collect();
        late.into_iter()
            .flat_map(|id| self.meet(id, None, |_| {}))
            .collect()
    }

    fn meet(
        &mut self,
        id: ProcessId,
        identity: Option<&Identity>,
        fill: impl FnOnce(&mut Known),
    ) -> Vec<Notice> {
        let Some(stranger) = self.strangers.remove(&id) else {
            return Vec::new();
        };
        let identity = identity.cloned().unwrap_or_default();
        let mut known = Known {
            place: Place::of(&stranger.process, &identity),
            ended: false,
            descriptors: [None, None],
        };
        fill(&mut known);
        self.known.insert(id, known);
        for finding in stranger.notices.iter().filter_map(Notice::finding) {
            self.waiting.remove(&finding);
        }
        stranger.notices
    }

    /// Forgets those that are not accused any more.
    pub(super) fn keep(&mut self, accused: impl Fn(ProcessId) -> bool) {
        self.known.retain(|id, _| accused(*id));
    }
}
