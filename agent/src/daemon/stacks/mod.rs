//! Stacks of findings: asked for when one opens, told with an `updated` when they are there.
//!
//! A finding never waits for them: the lines of a socket stay in the order of time. What tells the stacks is dated as
//! the last line before it, for what happened meanwhile may still have to be read.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use finback_core::model::event::{Body, Event};
use finback_core::model::finding::{Action, Finding};
use finback_core::model::observation::{Observation, What};
use finback_core::model::socket::{ProcessId, SocketKey};
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use rustc_hash::FxHashMap;

use crate::kernel::Kernel;
use crate::process::stack::model::{Frame, Kind, Stack};
use crate::process::stack::{Answer, Request, Stacks, Statistics};

/// Processes of one finding whose threads are looked at.
const MAX_PROCESSES: usize = 2;
/// Findings whose stacks are asked for at once; more are told without.
const MAX_ASKED: usize = 64;

/// Places that are shown for an incident.
const MAX_OPENED_AT: usize = 3;

/// An open finding.
struct Open {
    event: Event,
    /// When the last line of its socket was from.
    last: Timestamp,
    stacks: Arc<[Stack]>,
}

/// Stacks of the open findings.
pub(super) struct FindingStacks {
    worker: Stacks,
    open: FxHashMap<u64, Open>,
    /// The open finding of each connection that has one.
    of: FxHashMap<SocketKey, u64>,
    asked: usize,
}

impl FindingStacks {
    pub(super) fn new(worker: Stacks) -> Self {
        Self {
            worker,
            open: FxHashMap::default(),
            of: FxHashMap::default(),
            asked: 0,
        }
    }

    /// What came with the records of a batch.
    pub(super) fn take(&self, kernel: &mut Kernel, batch: &[Observation]) {
        let taken = kernel.take_stacks();
        if !taken.is_empty() {
            self.worker.taken(taken);
        }
        let ended = batch.iter().filter(|observation| is_end(&observation.what));
        let ended: Vec<_> = ended.map(|end| (end.sock, end.time)).collect();
        if !ended.is_empty() {
            self.worker.ended(ended);
        }
    }

    /// Something else is told, maybe of a connection that has a finding.
    pub(super) fn note(&mut self, event: &Event) {
        let id = connection(event).and_then(|key| self.of.get(&key));
        if let Some(open) = id.and_then(|id| self.open.get_mut(id)) {
            open.last = open.last.max(event.time);
        }
    }

    /// A finding is told: the stacks that are known of it, and what to ask for.
    pub(super) fn told(&mut self, event: &Event) -> (Arc<[Stack]>, Option<Request>) {
        let Some(request) = request(event) else {
            return (Arc::default(), None);
        };
        let (id, key) = (request.id, connection(event));
        if is_resolved(event) {
            let known = self.open.remove(&id);
            key.map(|key| self.of.remove(&key));
            return (known.map(|open| open.stacks).unwrap_or_default(), None);
        }
        let open = self.open.entry(id).or_insert_with(|| Open {
            event: event.clone(),
            last: event.time,
            stacks: Arc::default(),
        });
        open.event = event.clone();
        open.last = open.last.max(event.time);
        let stacks = Arc::clone(&open.stacks);
        key.map(|key| self.of.insert(key, id));
        let room = self.asked < MAX_ASKED;
        self.asked += usize::from(room);
        (stacks, room.then_some(request))
    }

    /// The threads of its processes are known.
    pub(super) fn ask(&mut self, request: Request) {
        if !self.worker.ask(request) {
            self.asked = self.asked.saturating_sub(1);
        }
    }

    /// Waits for stacks.
    pub(super) async fn answer(&mut self) -> Answer {
        self.worker.answer().await
    }

    /// What is to be told now that these stacks are there.
    pub(super) fn answered(&mut self, answer: &Answer) -> Option<(Event, Arc<[Stack]>)> {
        self.asked = self.asked.saturating_sub(1);
        let open = self.open.get_mut(&answer.id)?;
        if answer.stacks.is_empty() || open.stacks == answer.stacks {
            return None;
        }
        open.stacks = Arc::clone(&answer.stacks);
        Some((updated(&open.event, open.last), Arc::clone(&open.stacks)))
    }

    /// Where the connections of these findings were opened: the most common stacks, with how many were opened there.
    pub(super) fn opened_at(&self, findings: &[u64]) -> Vec<(u32, Stack)> {
        let open = findings.iter().filter_map(|id| self.open.get(id));
        let stacks = open.filter_map(|open| open.stacks.iter().find(|stack| is_opening(stack)));
        most_common(stacks.collect())
    }

    pub(super) fn statistics(&self) -> &Statistics {
        self.worker.statistics()
    }
}

/// A place in a program, wherever that is mapped: each process has it at addresses of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot<'a> {
    /// The file's build id, else its path; `None` where nothing is mapped from a file.
    file: Option<&'a str>,
    address: u64,
}

impl<'a> Spot<'a> {
    fn of(frame: &'a Frame) -> Self {
        let file = frame.build_id.as_deref().or(frame.module.as_deref());
        match (file, frame.offset) {
            (Some(file), Some(offset)) => Self {
                file: Some(file),
                address: offset,
            },
            _ => Self {
                file: None,
                address: frame.address,
            },
        }
    }
}

/// Equal ones together, the most common first.
fn most_common(stacks: Vec<&Stack>) -> Vec<(u32, Stack)> {
    let mut counts: BTreeMap<Vec<Spot<'_>>, (u32, &Stack)> = BTreeMap::new();
    for stack in stacks {
        let spots = stack.frames.iter().map(Spot::of).collect();
        counts.entry(spots).or_insert((0, stack)).0 += 1;
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_by_key(|(count, _)| Reverse(*count));
    let most = counts.into_iter().take(MAX_OPENED_AT);
    most.map(|(count, stack)| (count, stack.clone())).collect()
}

/// Whether it was taken when a connection was opened, and shows anything.
fn is_opening(stack: &Stack) -> bool {
    matches!(stack.kind, Kind::Connect | Kind::Accept) && !stack.frames.is_empty()
}

/// Whether nothing of the socket remains.
const fn is_end(what: &What) -> bool {
    match what {
        What::End(_) => true,
        What::State(change) => matches!(change.to, TcpState::Closed) && change.dead,
        What::Open(_)
        | What::Eof(_)
        | What::ResetWrite(_)
        | What::ResetQueued { .. }
        | What::Segment { .. }
        | What::TimeWaitEntered { .. }
        | What::TimeWaitLeft { .. } => false,
    }
}

fn is_resolved(event: &Event) -> bool {
    finding(event).is_some_and(|finding| finding.action == Action::Resolved)
}

fn finding(event: &Event) -> Option<&Arc<Finding>> {
    match &event.body {
        Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } => Some(finding),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Incident(_)
        | Body::Connection { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    }
}

/// The connection that an event is about.
const fn connection(event: &Event) -> Option<SocketKey> {
    match &event.body {
        Body::Transition { connection, .. }
        | Body::Eof { connection, .. }
        | Body::Finding { connection, .. }
        | Body::Connection { connection, .. } => Some(connection.key),
        Body::ProcessFinding { .. }
        | Body::Incident(_)
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    }
}

/// The same finding, told once more.
fn updated(event: &Event, time: Timestamp) -> Event {
    let mut event = event.clone();
    event.time = time;
    if let Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } = &mut event.body {
        Arc::make_mut(finding).action = Action::Updated;
    }
    event
}

/// What a finding's event asks for.
fn request(event: &Event) -> Option<Request> {
    let (key, owner) = match &event.body {
        Body::Finding { connection, .. } => (Some(connection.key), connection.owner.as_ref()),
        Body::ProcessFinding { owner, .. } => (None, Some(owner)),
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Incident(_)
        | Body::Connection { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => return None,
    };
    let finding = finding(event)?;
    let mut processes: Vec<ProcessId> = Vec::new();
    let holders = finding.holders.iter().map(|holder| holder.process.id);
    let alone = owner
        .filter(|_| key.is_none())
        .map(|owner| owner.process.id);
    for process in holders.chain(alone) {
        if processes.len() < MAX_PROCESSES && !processes.contains(&process) {
            processes.push(process);
        }
    }
    let waiting = finding.evidence.waiting.and_then(|waiting| waiting.thread);
    let first = waiting
        .into_iter()
        .chain(owner.and_then(|owner| owner.thread));
    Some(Request {
        id: finding.id,
        sock: key.map(|key| key.sock),
        processes: processes.into_iter().map(|id| (id, Vec::new())).collect(),
        first: first.collect(),
        now: event.time,
    })
}

#[cfg(test)]
mod tests;
