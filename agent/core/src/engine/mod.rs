//! The front door: what goes in, what comes out, when to call again. It hands on and decides nothing.

mod keep;
mod told;

use std::sync::Arc;

use self::told::Told;
use crate::connection::OtherEnd;
use crate::incident::Incidents;
pub use crate::looks::LookStats;
use crate::looks::Looks;
use crate::model::event::Output;
use crate::model::finding::Finding;
use crate::model::incident::{Incident, IncidentId};
use crate::model::interest::Interest;
use crate::model::look::{Candidate, LocalPorts, Snapshot, Unheld};
use crate::model::observation::{Loss, Observation};
use crate::model::process::ProcessView;
use crate::model::socket::{Endpoints, ProcessId, SocketKey};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::settings::rules::Rules;
use crate::stream::Stream;
pub use crate::stream::{Stats as StreamStats, View};
use crate::watch::Watch;
use crate::watch::names::{self, Names};

/// Both engines. Sans-IO: the caller
/// - carries out every [`Output`] and hands back the answer,
/// - hands over records with [`Engine::handle`], in the order in which they come out of the ring,
/// - calls [`Engine::handle_timeout`] when [`Engine::poll_timeout`] has come.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    watch: Watch,
    /// Exists while anybody subscribes.
    stream: Option<Stream>,
    incidents: Incidents,
    looks: Looks,
    out: Outbox,
    /// For who keeps it for the next run.
    told: Option<Told>,
}

/// What the engines count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Connections that are being watched.
    pub watched: u64,
    /// Open findings.
    pub findings: u64,
    /// Incidents that are not over.
    pub incidents: u64,
    /// Clients' writes that were lost because their server had ended the connection, and that no finding tells.
    pub lost_requests: u64,
    /// What the stream counts, if it runs.
    pub stream: Option<StreamStats>,
    /// Looks so far.
    pub looks: LookStats,
}

/// A connection that has a finding.
#[derive(Clone, Debug)]
pub struct Accused {
    /// What names it.
    pub key: SocketKey,
    /// Its ends: another connection may have its socket soon.
    pub endpoints: Endpoints,
    /// What is wrong with it.
    pub finding: Arc<Finding>,
    /// The incident that counts it.
    pub incident: Option<IncidentId>,
}

impl Engine {
    /// Nothing is known yet; the first thing it wants is a look.
    pub fn new(settings: Settings) -> Self {
        Self {
            incidents: Incidents::new(&settings),
            rules: Rules::new(settings),
            watch: Watch::default(),
            stream: None,
            looks: Looks::default(),
            out: Outbox::default(),
            told: None,
        }
    }

    /// Other settings from now on, as far as they can change in a run: what the kernel side can do, and the stream's
    /// bounds, stay. The same ones change nothing. Others are applied by a look at once: what is found wrong goes on under
    /// its name, what does not count any more ends.
    pub fn configure(&mut self, settings: Settings, now: Timestamp) {
        let settings = settings.during(&self.rules.settings);
        if settings == self.rules.settings {
            return;
        }
        let before = std::mem::replace(&mut self.rules, Rules::new(settings));
        self.watch.configure(&before, &self.rules, now);
        self.incidents.configure(&self.rules.settings);
    }

    /// Subscribers want this from now on. The kernel side tells it already.
    pub fn set_interest(&mut self, interest: Interest, now: Timestamp) {
        match &mut self.stream {
            Some(_) if interest.is_none() => self.stream = None,
            Some(stream) => stream.set_interest(interest, now),
            None if interest.is_none() => {}
            None => self.stream = Some(Stream::new(&self.rules.settings, interest, now)),
        }
    }

    /// Whether what was asked for is being told: the sockets that were there before are known.
    pub fn is_telling(&self) -> bool {
        let seeded = self.stream.as_ref().is_none_or(Stream::is_seeded);
        self.looks.have_begun() && seeded
    }

    /// One record. `now` may be later than the record.
    pub fn handle(&mut self, observation: &Observation, now: Timestamp) {
        let (known, told) = (StreamNames(self.stream.as_ref()), self.out.len());
        self.watch
            .handle(observation, &known, &self.rules, &mut self.out);
        self.report(told, now);
        if let Some(stream) = &mut self.stream {
            stream.handle(observation, now, &mut self.out);
        }
    }

    /// The answer to [`Output::Scan`].
    pub fn handle_scan(&mut self, found: &[Candidate]) {
        self.watch.handle_scan(found, &self.rules);
    }

    /// The answer to [`Output::Look`].
    pub fn handle_look(&mut self, snapshot: &Snapshot, now: Timestamp) {
        self.looks.come(snapshot, now);
        if let Some(stream) = &mut self.stream {
            let watch = &self.watch;
            let names = |sock, endpoints| watch.key(sock, endpoints);
            stream.handle_look(snapshot, &names, now, &mut self.out);
        }
        self.incidents.see_listeners(snapshot);
        let (known, told) = (StreamNames(self.stream.as_ref()), self.out.len());
        self.watch
            .handle_look(snapshot, &known, &self.rules, now, &mut self.out);
        self.report(told, now);
        self.incidents.handle_look(snapshot, now);
        if self.incidents.want_list() {
            for finding in self.watch.findings() {
                self.incidents.list(&finding);
            }
        }
        self.tell_incidents(now);
    }

    /// The answer to [`Output::LookAtProcesses`].
    pub fn handle_processes(&mut self, found: &[ProcessView], now: Timestamp) {
        self.watch.handle_processes(found);
        let settings = &self.rules.settings;
        self.incidents.handle_processes(found, settings, now);
        self.tell_incidents(now);
    }

    /// Hands what has been told of findings and of lost requests since then to the incidents.
    fn report(&mut self, told: usize, now: Timestamp) {
        for output in self.out.since(told) {
            self.incidents.hear(output, &self.rules.settings, now);
            if let Some(told) = &mut self.told {
                told.hear(output);
            }
        }
    }

    fn tell_incidents(&mut self, now: Timestamp) {
        let settings = &self.rules.settings;
        self.incidents.tell(settings, now, &mut self.out);
    }

    /// The look that was asked for could not be made.
    pub fn handle_failed_look(&mut self, now: Timestamp) {
        self.looks.fail(now);
        if let Some(stream) = &mut self.stream {
            stream.look_failed(now);
        }
    }

    /// The answer to [`Output::SweepTimeWait`]: the minisocks of those namespaces that could be listed.
    pub fn handle_time_wait(&mut self, namespaces: &[u32], found: &[Unheld], now: Timestamp) {
        if let Some(stream) = &mut self.stream {
            stream.handle_time_wait(namespaces, found, now, &mut self.out);
        }
    }

    /// The answer to [`Output::LookAtPorts`].
    pub fn handle_ports(&mut self, ports: &[LocalPorts], ended: &[ProcessId], now: Timestamp) {
        let told = self.out.len();
        self.watch
            .handle_ports(ports, ended, &self.rules, now, &mut self.out);
        self.report(told, now);
        self.tell_incidents(now);
    }

    /// Records were dropped.
    pub fn handle_loss(&mut self, loss: Loss, now: Timestamp) {
        if let Some(stream) = &mut self.stream {
            stream.handle_loss(loss, now, &mut self.out);
        }
    }

    /// No record was dropped up to now.
    pub fn handle_no_loss(&mut self, now: Timestamp) {
        if let Some(stream) = &mut self.stream {
            stream.handle_no_loss(now);
        }
    }

    /// Programs did not run so often where they should have, since the last call.
    pub fn handle_missed_runs(&mut self, runs: u64, now: Timestamp) {
        if let Some(stream) = &mut self.stream {
            stream.handle_missed_runs(runs, now);
        }
    }

    /// Something that [`Engine::poll_timeout`] announced is due.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.watch.handle_timeout(&self.rules, now, &mut self.out);
        self.tell_incidents(now);
        if let Some(stream) = &mut self.stream {
            stream.handle_timeout(now, &mut self.out);
        }
        if self.look_when().is_some_and(|when| when <= now) {
            self.ask_for_look(now);
        }
    }

    /// Somebody wants to see every socket, also those that no descriptor refers to: a look as others, as soon as looks may
    /// take their part of the time again.
    pub fn want_look(&mut self, now: Timestamp) {
        self.looks.want(now);
    }

    fn ask_for_look(&mut self, now: Timestamp) {
        let compare = self
            .stream
            .as_ref()
            .and_then(|stream| stream.wants_look(now));
        let count = self.watch.unheld_due(&self.rules);
        let unheld = compare.unwrap_or(false)
            || count.is_some_and(|due| due <= now)
            || self.looks.wanted().is_some();
        if unheld {
            self.watch.looking_at_unheld(now);
        }
        if let Some(stream) = &mut self.stream {
            stream.looking(unheld);
        }
        self.looks.ask(now);
        self.out.put(Output::Look { unheld });
    }

    /// When to call [`Engine::handle_timeout`].
    pub fn poll_timeout(&self) -> Timestamp {
        let all = [
            Some(self.watch.scan_due()),
            self.look_when(),
            self.stream.as_ref().and_then(Stream::timer_due),
            self.incidents.due(),
        ];
        all.into_iter().flatten().min().unwrap_or_default()
    }

    /// When to ask for the next look.
    fn look_when(&self) -> Option<Timestamp> {
        let due = self.look_due()?;
        Some(self.looks.when(due))
    }

    /// When anybody wants a look; at first everything does.
    fn look_due(&self) -> Option<Timestamp> {
        if !self.looks.have_begun() {
            return Some(Timestamp::default());
        }
        let regular = self
            .rules
            .scan_pause()
            .map(|pause| self.looks.latest() + pause);
        let all = [
            regular,
            self.looks.wanted(),
            self.watch.look_due(&self.rules),
            self.watch.unheld_due(&self.rules),
            self.stream.as_ref().and_then(Stream::look_due),
        ];
        all.into_iter().flatten().min()
    }

    /// The next thing to do or to tell, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.out.pop()
    }

    /// Gives back the memory of what was there and has gone: worth it after a surge, as tables grow by themselves only.
    pub fn shrink_to_fit(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.shrink_to_fit();
        }
        self.incidents.shrink_to_fit();
    }

    /// Every open finding, sorted by id.
    pub fn findings(&self) -> Vec<Arc<Finding>> {
        let mut findings: Vec<_> = self.watch.findings().collect();
        findings.sort_unstable_by_key(|finding| finding.id);
        findings
    }

    /// Every open finding about a connection, as it was told last.
    pub fn accused(&self) -> impl Iterator<Item = Accused> {
        let accused = self.watch.accused();
        accused.map(|(key, endpoints, finding)| Accused {
            key,
            endpoints,
            incident: self.incidents.of_finding(finding.id),
            finding,
        })
    }

    /// Every incident as it was told last, sorted by id.
    pub fn incidents(&self) -> Vec<Arc<Incident>> {
        self.incidents.incidents().map(Arc::clone).collect()
    }

    /// Connections that all incidents count.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> u64 {
        self.incidents.counted()
    }

    /// Every connection that the stream follows.
    pub fn connections(&self) -> Vec<View> {
        let stream = self.stream.iter();
        stream.flat_map(Stream::connections).collect()
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        Stats {
            watched: self.watch.len() as u64,
            findings: self.watch.open(),
            incidents: self.incidents.incidents().count() as u64,
            lost_requests: self.watch.lost_requests(),
            stream: self.stream.as_ref().map(Stream::stats),
            looks: self.looks.stats(),
        }
    }
}

/// What the stream knows, for the watch.
#[derive(Debug)]
struct StreamNames<'a>(Option<&'a Stream>);

impl Names for StreamNames<'_> {
    fn known(&self, sock: u64, endpoints: Endpoints) -> Option<names::Known> {
        let (key, role, owner) = self.0?.known(sock, endpoints)?;
        Some(names::Known {
            key,
            role,
            owner: owner.cloned(),
        })
    }

    fn other_end(&self, sock: u64, endpoints: Endpoints) -> Option<OtherEnd> {
        self.0?.other_end(sock, endpoints)
    }
}
