//! Findings wait for their stacks, but not for long.
//!
//! A finding is held back until its stacks are there, at most [`PATIENCE`]; then it is told without them, and an
//! `updated` with them follows if it is still open when they come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::kernel::Kernel;
use crate::process::stack::{Answer, Request, Stack, Stacks, Statistics};
use finback_core::model::event::{Body, Event};
use finback_core::model::finding::{Action, Finding};
use finback_core::model::observation::{Observation, What};
use finback_core::model::socket::ProcessId;
use finback_core::model::state::TcpState;

/// So long a finding waits for its stacks.
const PATIENCE: Duration = Duration::from_millis(500);
/// Processes of one finding whose threads are looked at.
const MAX_PROCESSES: usize = 2;
/// Findings that are held at most; beyond that they are told at once, without stacks.
const MAX_HELD: usize = 1024;

/// An event to be told now, with its stacks.
pub(super) type Told = (Event, Arc<[Stack]>);

struct Held {
    id: u64,
    event: Event,
    until: Instant,
}

/// Events that wait, and stacks of the open findings.
pub(super) struct Waiting {
    stacks: Stacks,
    held: VecDeque<Held>,
    /// Stacks of open findings.
    known: FxHashMap<u64, Arc<[Stack]>>,
    /// Open findings that were told without stacks, as they were told.
    late: FxHashMap<u64, Event>,
}

impl Waiting {
    pub(super) fn new(stacks: Stacks) -> Self {
        Self {
            stacks,
            held: VecDeque::new(),
            known: FxHashMap::default(),
            late: FxHashMap::default(),
        }
    }

    /// What came with the records of a batch.
    pub(super) fn take(&self, kernel: &mut Kernel, batch: &[Observation]) {
        let taken = kernel.take_stacks();
        if !taken.is_empty() {
            self.stacks.taken(taken);
        }
        let ended = batch.iter().filter(|observation| is_end(&observation.what));
        let ended: Vec<_> = ended.map(|observation| observation.key).collect();
        if !ended.is_empty() {
            self.stacks.ended(ended);
        }
    }

    /// Takes a finding's event; gives it back, with what is known, if it is to be told at once.
    pub(super) fn hold(&mut self, event: &Event, kernel: &mut Kernel) -> Option<Told> {
        let (finding, request) = request(event)?;
        let id = finding.id;
        if finding.action == Action::Resolved {
            self.late.remove(&id);
            let known = self.known.remove(&id).unwrap_or_default();
            // What is held of the same finding comes first.
            if self.held.iter().any(|held| held.id == id) {
                self.held.push_back(Held {
                    id,
                    event: event.clone(),
                    until: Instant::now() + PATIENCE,
                });
                return None;
            }
            return Some((event.clone(), known));
        }
        let waits = self.held.iter().any(|held| held.id == id);
        let full = self.held.len() >= MAX_HELD;
        let asked = !full && self.stacks.ask(with_threads(request, kernel));
        // What is held of the same finding comes first.
        if !asked && !waits {
            let known = self.known.get(&id).cloned();
            return Some((event.clone(), known.unwrap_or_default()));
        }
        self.held.push_back(Held {
            id,
            event: event.clone(),
            until: Instant::now() + PATIENCE,
        });
        None
    }

    /// Waits for stacks.
    pub(super) async fn answer(&mut self) -> Answer {
        self.stacks.answer().await
    }

    /// What can be told now that these stacks are there.
    pub(super) fn answered(&mut self, answer: &Answer) -> Vec<Told> {
        let id = answer.id;
        let (ready, held): (VecDeque<_>, _) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.id == id);
        self.held = held;
        let mut told: Vec<Told> = ready
            .into_iter()
            .map(|held| (held.event, Arc::clone(&answer.stacks)))
            .collect();
        if told.is_empty() {
            told.extend(self.late.remove(&id).map(|event| {
                let event = updated(event);
                (event, Arc::clone(&answer.stacks))
            }));
        }
        let is_open = told.last().is_some_and(|(event, _)| !is_resolved(event));
        if is_open {
            self.known.insert(id, Arc::clone(&answer.stacks));
        }
        told
    }

    /// When [`Waiting::overdue`] is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.front().map(|held| held.until)
    }

    /// What has waited long enough.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(held) = self.held.pop_front_if(|held| held.until <= now) {
            if is_resolved(&held.event) {
                self.late.remove(&held.id);
            } else {
                self.late.insert(held.id, held.event.clone());
            }
            let known = self.known.get(&held.id).cloned().unwrap_or_default();
            told.push((held.event, known));
        }
        told
    }

    /// Everything that is held.
    pub(super) fn rest(&mut self) -> Vec<Told> {
        let held = std::mem::take(&mut self.held).into_iter();
        held.map(|held| (held.event, Arc::default())).collect()
    }

    pub(super) fn statistics(&self) -> &Statistics {
        self.stacks.statistics()
    }
}

/// Whether nothing of the socket remains: a finding can still be about one that is closed but has its descriptor.
const fn is_end(what: &What) -> bool {
    match what {
        What::Gone => true,
        What::State(change) => matches!(change.to, TcpState::Closed) && change.dead,
        What::Owner { .. }
        | What::Eof { .. }
        | What::Write { .. }
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
        Body::Transition { .. } | Body::Eof { .. } | Body::Lost { .. } | Body::Resync { .. } => {
            None
        }
    }
}

/// The same finding, told once more.
fn updated(mut event: Event) -> Event {
    if let Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } = &mut event.body {
        Arc::make_mut(finding).action = Action::Updated;
    }
    event
}

/// What a finding's event asks for.
fn request(event: &Event) -> Option<(&Finding, Request)> {
    let (key, owner, finding) = match &event.body {
        Body::Finding {
            connection,
            finding,
        } => (Some(connection.key), connection.owner.as_ref(), finding),
        Body::ProcessFinding { owner, finding } => (None, Some(owner), finding),
        Body::Transition { .. } | Body::Eof { .. } | Body::Lost { .. } | Body::Resync { .. } => {
            return None;
        }
    };
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
    let request = Request {
        id: finding.id,
        key,
        processes: processes.into_iter().map(|id| (id, Vec::new())).collect(),
        first: first.collect(),
        now: event.time,
    };
    Some((finding, request))
}

fn with_threads(mut request: Request, kernel: &mut Kernel) -> Request {
    request.now = kernel.now();
    for (process, rows) in &mut request.processes {
        *rows = kernel.threads(process.pid);
    }
    request
}
