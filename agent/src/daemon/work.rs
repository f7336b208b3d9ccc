//! What the daemon does with what the kernel says.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::desk::Desk;
use super::looks::{Look, Looks, Read};
use super::settings;
use super::stacks::{Told, Waiting};
use crate::config::Config;
use crate::kernel::{Kernel, KernelError};
use crate::output::clock::WallClock;
use crate::output::feed::Feed;
use crate::output::json::About;
use crate::process::stack::{Stack, Stacks};
use crate::process::{self, Descriptions};
use crate::server::Query;
use finback_core::model::event::{Body, Event, Output};
use finback_core::model::observation::{Observation, Snapshot};
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use finback_core::tracker::Tracker;

/// The counters of losses are read at most so often; each reading is a system call per counter.
const LOSS_PERIOD: Duration = Duration::from_millis(100);

/// The ring is read to its end before the daemon goes, but not for longer: traffic may fill it as fast.
const FAREWELL: Duration = Duration::from_millis(300);

/// Without anything due the daemon sleeps on the ring; the tick comes sooner than this.
const NOTHING_DUE: Duration = Duration::from_hours(1);

/// Kernel side, tracker and feed, joined.
pub(super) struct Work {
    kernel: Box<Kernel>,
    tracker: Tracker,
    feed: Feed,
    clock: WallClock,
    people: Descriptions,
    desk: Desk,
    batch: Vec<Observation>,
    looks: Looks,
    /// Requests of the tracker that failed; tried again at the next tick.
    again: Vec<Output>,
    losses_read: Instant,
    /// Only with `--stacks`.
    stacks: Option<Waiting>,
}

impl Work {
    pub(super) fn new(kernel: Box<Kernel>, feed: Feed, config: &Config) -> io::Result<Self> {
        let settings = settings::tracker(config, kernel.report(), kernel.now());
        let stacks = config.stacks.then(Stacks::spawn).transpose()?;
        Ok(Self {
            stacks: stacks.map(Waiting::new),
            tracker: Tracker::new(settings),
            kernel,
            feed,
            clock: WallClock::measure(),
            people: Descriptions::default(),
            desk: Desk::new(),
            batch: Vec::new(),
            looks: Looks::default(),
            again: Vec::new(),
            losses_read: Instant::now(),
        })
    }

    /// Tells the tracker of the sockets that are there already.
    pub(super) fn seed(&mut self) -> Result<(), KernelError> {
        let snapshot = self.kernel.snapshot()?;
        tracing::info!(sockets = snapshot.sockets.len(), took = ?snapshot.took, "seeded");
        self.tracker.handle_snapshot(&snapshot, self.kernel.now());
        Ok(())
    }

    /// When [`Work::timeout`] is to be called.
    pub(super) fn due(&self) -> Instant {
        let wait = self
            .tracker
            .poll_timeout()
            .map(|due| due.since(self.kernel.now()));
        let due = Instant::now() + wait.unwrap_or(NOTHING_DUE);
        let held = self.stacks.as_ref().and_then(Waiting::due);
        held.map_or(due, |held| held.min(due))
    }

    /// Something that the tracker announced is due.
    pub(super) fn timeout(&mut self) {
        self.tracker.handle_timeout(self.kernel.now());
        let overdue = self
            .stacks
            .as_mut()
            .map(|stacks| stacks.overdue(Instant::now()));
        self.tell_all(overdue.unwrap_or_default());
    }

    fn tell_all(&mut self, told: Vec<Told>) {
        for (event, stacks) in told {
            self.tell_with(&event, &stacks);
        }
    }

    /// Waits for records and hands them to the tracker. Loses nothing when dropped while waiting.
    pub(super) async fn records(&mut self) -> io::Result<()> {
        let stacks = &mut self.stacks;
        let answer = async {
            match stacks {
                Some(stacks) => stacks.answer().await,
                None => std::future::pending().await,
            }
        };
        let more = tokio::select! {
            more = self.kernel.next_batch(&mut self.batch) => more?,
            answer = answer => {
                let told = self.stacks.as_mut().map(|stacks| stacks.answered(&answer));
                self.tell_all(told.unwrap_or_default());
                return Ok(());
            }
        };
        self.take_batch(more);
        if self.losses_read.elapsed() >= LOSS_PERIOD {
            self.read_losses();
        }
        Ok(())
    }

    /// Reads what is in the ring, or a good part of it; whether there may be more.
    fn read_on(&mut self) -> bool {
        let more = self.kernel.drain(&mut self.batch);
        self.take_batch(more);
        more
    }

    fn take_batch(&mut self, more: bool) {
        self.desk.records += self.batch.len() as u64;
        if let Some(stacks) = &self.stacks {
            stacks.take(&mut self.kernel, &self.batch);
        }
        let last = self.batch.last().map_or(Timestamp::default(), |o| o.time);
        let now = self.kernel.now();
        for observation in self.batch.drain(..) {
            self.tracker.handle(observation, now);
        }
        let read = if more {
            Read::To(last)
        } else {
            Read::Everything
        };
        while let Some(look) = self.looks.next(read) {
            if look.whole {
                self.tracker.handle_resync(&look.snapshot, now);
            } else {
                self.tracker.handle_snapshot(&look.snapshot, now);
            }
        }
    }

    fn read_losses(&mut self) {
        self.losses_read = Instant::now();
        let now = self.kernel.now();
        let losses = self.kernel.losses();
        if losses.is_empty() {
            self.tracker.handle_no_loss(now);
        }
        for loss in losses {
            self.tracker.handle_loss(loss, now);
        }
    }

    /// Once a second, whatever happens.
    pub(super) fn tick(&mut self) {
        if self.clock.remeasure() {
            tracing::info!("the wall clock was set");
        }
        self.read_losses();
        for request in std::mem::take(&mut self.again) {
            self.fulfil(request);
        }
    }

    /// Answers a question of the server.
    pub(super) fn answer(&mut self, query: Query) {
        let Self {
            kernel,
            tracker,
            feed,
            desk,
            stacks,
            ..
        } = self;
        // Refused only if the client has gone.
        drop(query.answer.send(desk.document(
            query.about,
            kernel,
            tracker.stats(),
            stacks.as_ref().map(Waiting::statistics),
            &feed.handle(),
        )));
    }

    /// Does all that the tracker wants done, and sends what it says.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.tracker.next_output() {
            match output {
                Output::Event(event) => self.tell(&event),
                request @ (Output::Inspect(_)
                | Output::SweepTimeWait(_)
                | Output::LookAtPorts { .. }
                | Output::Resync) => {
                    self.fulfil(request);
                }
            }
        }
        self.feed.flush();
    }

    fn fulfil(&mut self, request: Output) {
        if let Err(error) = self.try_fulfil(&request) {
            tracing::warn!(%error, "the kernel's sockets cannot be looked at; trying again");
            self.again.push(request);
        }
    }

    fn try_fulfil(&mut self, request: &Output) -> Result<(), KernelError> {
        match request {
            Output::Event(event) => self.tell(event),
            Output::Inspect(_) => {
                let snapshot = self.kernel.snapshot()?;
                self.look(snapshot, false);
            }
            Output::SweepTimeWait(namespaces) => {
                let (minisocks, closed) = self.kernel.time_wait(namespaces)?;
                // What could not be listed has not gone for that.
                let listed: Vec<u32> = namespaces
                    .iter()
                    .copied()
                    .filter(|namespace| !closed.contains(namespace))
                    .collect();
                self.tracker
                    .handle_time_wait(&listed, &minisocks, self.kernel.now());
            }
            Output::LookAtPorts {
                namespaces,
                processes,
            } => {
                let ports = self.kernel.local_ports(namespaces)?;
                let ended = processes
                    .iter()
                    .copied()
                    .filter(|id| process::has_ended(*id));
                let ended: Vec<ProcessId> = ended.collect();
                self.tracker.handle_ports(&ports, &ended, self.kernel.now());
            }
            // Asked for again because the ring takes so long to be read.
            Output::Resync if self.looks.compare_everything() => {}
            Output::Resync => {
                let snapshot = self.whole_snapshot()?;
                self.look(snapshot, true);
            }
        }
        Ok(())
    }

    /// Hands a look to the tracker, at once if the ring has little in it.
    fn look(&mut self, snapshot: Snapshot, whole: bool) {
        let until = self.kernel.now();
        self.looks.add(Look {
            snapshot,
            whole,
            until,
        });
        self.read_on();
    }

    fn whole_snapshot(&mut self) -> Result<Snapshot, KernelError> {
        let snapshot = self.kernel.snapshot()?;
        let (minisocks, closed) = self.kernel.time_wait(&[])?;
        Ok(Snapshot {
            time_wait: closed.is_empty().then_some(minisocks),
            ..snapshot
        })
    }

    fn tell(&mut self, event: &Event) {
        let is_finding = matches!(
            event.body,
            Body::Finding { .. } | Body::ProcessFinding { .. }
        );
        match &mut self.stacks {
            Some(stacks) if is_finding => {
                if let Some((event, stacks)) = stacks.hold(event, &mut self.kernel) {
                    self.tell_with(&event, &stacks);
                }
            }
            _ => self.tell_with(event, &[]),
        }
    }

    fn tell_with(&mut self, event: &Event, stacks: &[Stack]) {
        let (owners, finding) = match &event.body {
            Body::Finding {
                connection,
                finding,
            } => {
                let owners = [connection.owner.as_ref(), connection.peer_owner.as_ref()];
                (owners, finding)
            }
            Body::ProcessFinding { owner, finding } => ([Some(owner), None], finding),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => {
                self.feed.publish(event, self.clock, About::default());
                return;
            }
        };
        let [own, peer] = owners.map(|owner| owner.map(|owner| owner.process.id));
        for id in [own, peer].into_iter().flatten() {
            self.people.get(id);
        }
        let about = About {
            process: own.and_then(|id| self.people.known(id)),
            peer_process: peer.and_then(|id| self.people.known(id)),
            stacks,
        };
        let seq = self.feed.publish(event, self.clock, about);
        self.desk.file(finding, event, seq, self.clock, about);
    }

    /// Tells what is still in the ring and ends the feed. Gives back the kernel side, to be detached.
    pub(super) fn finish(mut self) -> Box<Kernel> {
        let deadline = Instant::now() + FAREWELL;
        loop {
            let more = self.read_on();
            while let Some(output) = self.tracker.next_output() {
                if let Output::Event(event) = output {
                    self.tell(&event);
                }
            }
            self.feed.flush();
            if !more || Instant::now() >= deadline {
                break;
            }
        }
        let held = self.stacks.as_mut().map(Waiting::rest);
        self.tell_all(held.unwrap_or_default());
        self.feed.flush();
        self.kernel
    }
}
