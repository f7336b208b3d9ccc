//! What the daemon does with what the kernel says.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use finback_core::input::Input;
use finback_core::model::event::{Body, Event, Output};
use finback_core::model::incident::Incident;
use finback_core::model::interest::Interest;
use finback_core::model::observation::Observation;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::desk::Desk;
use super::error::{Error, failed};
use super::looker::{Answer, LookThread, Request};
use super::looks::{Look, Looks, Read};
use super::remember::Keeping;
use super::scrape::Scrapes;
use super::service::{self, Watchdog};
use super::settings;
use super::stacks::FindingStacks;
use super::surplus::Surplus;
use super::taped::Taped;
use crate::config::Config;
use crate::export;
use crate::history;
use crate::kernel::{Kernel, KernelError};
use crate::output::clock::WallClock;
use crate::output::feed::Feed;
use crate::output::json::About;
use crate::output::select::Selection;
use crate::process::stack::Stacks;
use crate::process::stack::model::Stack;
use crate::process::{Descriptions, Workloads};
use crate::recording::Wanted;
use crate::remedy;
use crate::server::Shown;

/// The counters of losses are read at most so often; each reading is a system call per counter.
const LOSS_PERIOD: Duration = Duration::from_millis(100);

/// The ring is read to its end before the daemon goes, but not for longer: traffic may fill it as fast.
const FAREWELL: Duration = Duration::from_millis(300);

/// Processes of a finding that `/proc` is asked for; a socket can be inherited by any number.
const DESCRIBED: usize = 64;

/// Kernel side, engine and feed, joined.
pub(super) struct Work {
    pub(super) kernel: Box<Kernel>,
    pub(super) engine: Box<Taped>,
    pub(super) feed: Feed,
    pub(super) desk: Desk,
    pub(super) stacks: Option<FindingStacks>,
    pub(super) history: Option<history::Handle>,
    pub(super) exporters: Option<export::Handle>,
    pub(super) remedies: Option<remedy::Handle>,
    /// What the status says of the configuration.
    pub(super) configuration: Value,
    pub(super) scrapes: Scrapes,
    pub(super) clock: WallClock,
    pub(super) people: Descriptions,
    pub(super) looker: LookThread,
    pub(super) watchdog: Option<Watchdog>,
    looks: Looks,
    pub(super) surplus: Surplus,
    batch: Vec<Observation>,
    losses_read: Instant,
    host_root: PathBuf,
    pub(super) states: settings::Stream,
    /// What subscribers are told.
    pub(super) interest: Interest,
    /// What the kernel tells.
    pub(super) asked: Interest,
    /// What those want who are about to subscribe.
    pub(super) expected: Selection,
    /// What is recorded.
    pub(super) recorded: Selection,
    /// For the next daemon.
    pub(super) keeping: Option<Keeping>,
    /// Of findings and incidents, until standard output is there.
    pub(super) held: Option<Vec<Event>>,
}

impl Work {
    pub(super) fn new(
        mut kernel: Box<Kernel>,
        feed: Feed,
        config: &Config,
        record: Option<&Wanted>,
        since: Timestamp,
    ) -> Result<Box<Self>, Error> {
        let clock = WallClock::measure();
        let settings = settings::engine(config, kernel.report(), since);
        let engine = Taped::new(settings, clock, feed.handle().hello(), record);
        let stacks = config.stacks.then(Stacks::spawn).transpose();
        let stacks = stacks.map_err(failed("start a thread"))?;
        let looker = kernel.looker().ok_or(KernelError::Object("looker"))?;
        let looker = LookThread::spawn(looker, Workloads::new(&config.host_root));
        Ok(Box::new(Self {
            looker: looker.map_err(failed("start a thread"))?,
            stacks: stacks.map(FindingStacks::new),
            history: None,
            exporters: None,
            remedies: None,
            configuration: Value::Null,
            scrapes: Scrapes::new(&config.host_root),
            engine: engine.map_err(failed("begin to record"))?,
            kernel,
            feed,
            clock,
            people: Descriptions::new(&config.host_root),
            desk: Desk::new(),
            watchdog: Watchdog::of_service(Instant::now()),
            looks: Looks::default(),
            surplus: Surplus::default(),
            batch: Vec::new(),
            losses_read: Instant::now(),
            host_root: config.host_root.clone(),
            states: settings::Stream::of(config),
            interest: Interest::NONE,
            asked: Interest::NONE,
            expected: Selection::NONE,
            keeping: None,
            held: None,
            recorded: record.map_or(Selection::NONE, |record| record.select),
        }))
    }

    /// When [`Work::timeout`] is to be called.
    pub(super) fn due(&self) -> Instant {
        let due = self.engine.poll_timeout();
        Instant::now() + due.since(self.kernel.now())
    }

    /// Something that the engine announced is due.
    pub(super) fn timeout(&mut self) {
        self.engine.apply(&Input::Timeout, self.kernel.now());
    }

    /// Waits for something from the kernel and takes it. Loses nothing when dropped while waiting.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        let stacks = &mut self.stacks;
        let named = async {
            match stacks {
                Some(stacks) => stacks.answer().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            more = self.kernel.next_batch(&mut self.batch) => {
                let more = more?;
                self.take_batch(more);
                if self.losses_read.elapsed() >= LOSS_PERIOD {
                    self.read_losses();
                }
            }
            answer = self.looker.answer() => self.answered(answer),
            () = self.scrapes.counted() => self.answer_scrapes(),
            answer = named => {
                let told = self.stacks.as_mut().and_then(|s| s.answered(&answer));
                if let Some((event, stacks)) = told {
                    self.publish(&event, &stacks);
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer) {
        let now = self.kernel.now();
        match answer {
            Answer::Look { snapshot, until } => {
                self.looks.add(Look { snapshot, until });
                self.read_on();
            }
            Answer::TimeWait(found) => self.engine.apply(&Input::TimeWait(found), now),
            Answer::Ports { ports, ended } => {
                self.engine.apply(&Input::Ports { ports, ended }, now);
            }
            Answer::Processes(found) => self.engine.apply(&Input::Processes(found), now),
            Answer::Threads(request) => {
                if let Some(stacks) = &mut self.stacks {
                    stacks.ask(request);
                }
            }
            Answer::Shown => {}
            Answer::Alive => service::alive(),
            Answer::NoLook(error) => {
                tracing::warn!(%error, "the kernel's sockets cannot be looked at; trying again");
                self.engine.apply(&Input::FailedLook, now);
            }
            Answer::Nothing(error) => {
                tracing::warn!(%error, "the kernel cannot be asked; trying again later");
            }
        }
    }

    /// Reads what is in the ring, or a good part of it; whether there may be more.
    fn read_on(&mut self) -> bool {
        let more = self.kernel.drain(&mut self.batch);
        self.take_batch(more);
        more
    }

    fn take_batch(&mut self, more: bool) {
        self.desk.records += self.batch.len() as u64;
        self.scrapes.observe(&self.batch);
        if let Some(stacks) = &self.stacks {
            stacks.take(&mut self.kernel, &self.batch);
        }
        let last = self.batch.last().map_or(Timestamp::default(), |o| o.time);
        let now = self.kernel.now();
        for observation in self.batch.drain(..) {
            self.engine.apply(&Input::Observation(observation), now);
        }
        let read = if more {
            Read::To(last)
        } else {
            Read::Everything
        };
        while let Some(look) = self.looks.next(read) {
            let look = Input::Look(look.snapshot);
            self.engine.apply(&look, now);
            self.seen(look);
        }
    }

    pub(super) fn read_losses(&mut self) {
        self.losses_read = Instant::now();
        let now = self.kernel.now();
        let losses = self.kernel.losses();
        if losses.is_empty() {
            self.engine.apply(&Input::NoLoss, now);
        }
        for loss in losses {
            self.engine.apply(&Input::Loss(loss), now);
        }
    }

    /// Has a look made for somebody who asks for every socket.
    pub(super) fn show(&self, answer: oneshot::Sender<Shown>) {
        self.looker.ask(Request::Show {
            accused: self.engine.accused().collect(),
            clock: self.clock,
            host_root: self.host_root.clone(),
            answer,
        });
    }

    /// Does all that the engine wants done, and sends what it says.
    pub(super) fn carry_out(&mut self) {
        self.follow_clock();
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Event(event) => self.tell_or_hold(event),
                Output::Scan => {
                    let mut found = Vec::new();
                    let begun = Instant::now();
                    self.kernel.scan(&mut found);
                    self.desk.scans.count(begun.elapsed());
                    self.engine.apply(&Input::Scan(found), self.kernel.now());
                }
                Output::Look { unheld } => self.looker.ask(Request::Look { unheld }),
                // Nobody is told of a single one.
                Output::LostRequest(_) => {}
                Output::Mark(sock) => self.kernel.mark(sock),
                Output::Unmark(sock) => self.kernel.unmark(sock),
                Output::Clear(place) => self.kernel.clear(place.sock, place.fin_at),
                Output::SweepTimeWait(namespaces) => {
                    self.looker.ask(Request::TimeWait(namespaces));
                }
                Output::LookAtPorts {
                    namespaces,
                    processes,
                } => self.looker.ask(Request::Ports {
                    namespaces,
                    processes,
                }),
                Output::LookAtProcesses(processes) => {
                    self.looker.ask(Request::Processes(processes));
                }
            }
        }
        self.write_down_and_tell();
        self.engine.turn();
    }

    pub(super) fn tell(&mut self, event: &Event) {
        let is_finding = matches!(
            event.body,
            Body::Finding { .. } | Body::ProcessFinding { .. }
        );
        let stacks: Arc<[Stack]> = match &mut self.stacks {
            Some(stacks) if is_finding => {
                let (known, request) = stacks.told(event);
                if let Some(request) = request {
                    self.looker.ask(Request::Threads(request));
                }
                known
            }
            Some(stacks) => {
                stacks.note(event);
                Arc::default()
            }
            None => Arc::default(),
        };
        self.publish(event, &stacks);
    }

    fn publish(&mut self, event: &Event, stacks: &[Stack]) {
        let (owners, finding) = match &event.body {
            Body::Finding {
                connection,
                finding,
            } => {
                let owners = [connection.owner.as_ref(), connection.peer_owner.as_ref()];
                (owners, finding)
            }
            Body::ProcessFinding { owner, finding } => ([Some(owner), None], finding),
            Body::Incident(incident) => return self.publish_incident(event, incident),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Connection { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => {
                self.feed.publish(event, self.clock, About::default());
                return;
            }
        };
        let owners = owners.into_iter().flatten().map(|owner| &owner.process);
        let holders = finding.holders.iter().map(|holder| &holder.process);
        let told = owners.chain(holders).take(DESCRIBED);
        self.describe(&told.map(|process| process.id).collect::<Vec<_>>());
        let about = About {
            processes: Some(&self.people),
            stacks,
            ..About::default()
        };
        let seq = self.feed.publish(event, self.clock, about);
        self.desk.file(finding, event, seq, self.clock, about);
    }

    fn publish_incident(&mut self, event: &Event, incident: &Incident) {
        let opened_at = self.stacks.as_ref();
        let opened_at = opened_at.map(|stacks| stacks.opened_at(&incident.findings));
        let told = incident.processes.iter().map(|(process, _)| process.id);
        self.describe(&told.collect::<Vec<_>>());
        let about = About {
            processes: Some(&self.people),
            opened_at: opened_at.as_deref().unwrap_or_default(),
            ..About::default()
        };
        let seq = self.feed.publish(event, self.clock, about);
        self.desk
            .file_incident(incident, event, seq, self.clock, about);
    }

    /// Asks for these processes, of which something is about to be told.
    fn describe(&mut self, all: &[ProcessId]) {
        self.people.get(all.iter().copied());
        self.engine.told(all, &self.people);
    }

    /// Tells what is still in the ring and ends the feed. Gives back the kernel side, to be detached.
    pub(super) fn finish(mut self, is_next: bool) -> Box<Kernel> {
        let deadline = Instant::now() + FAREWELL;
        loop {
            let more = self.read_on();
            while let Some(output) = self.engine.next_output() {
                if let Output::Event(event) = output {
                    self.tell(&event);
                }
            }
            self.write_down_and_tell();
            self.engine.turn();
            if !more || Instant::now() >= deadline {
                break;
            }
        }
        self.end_notes(is_next);
        self.engine.end();
        self.kernel
    }
}
