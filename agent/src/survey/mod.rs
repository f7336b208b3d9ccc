//! One look at the kernel, judged: what can be said without a daemon that has watched.

mod young;

use std::io;
use std::thread;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::kernel::load::report::SnapshotReport;
use crate::kernel::netns::guard;
use crate::kernel::{self, Glance, KernelError, clock};
use crate::output::clock::WallClock;
use crate::output::json::{self, About, Accused, Event, List};
use crate::process::{self, Descriptions, Workloads};
use finback_core::engine::Engine;
use finback_core::glance;
use finback_core::model::event::{Body, Event as CoreEvent, Output};
use finback_core::model::finding::{Action, Verdict};
use finback_core::model::guard::GuardDefaults;
use finback_core::model::incident::IncidentId;
use finback_core::model::look::Snapshot;
use finback_core::model::process::ProcessView;
use finback_core::model::socket::ProcessId;
use finback_core::settings::Settings;
use finback_core::settings::verdict::VerdictSettings;

/// What is over, or hung up in an accept queue, may be so for a moment only: whoever is still there after so long is told.
const PAUSE: Duration = Duration::from_millis(300);

/// What a look leaves no date of: it holds as soon as it is seen.
const UNDATED: [Verdict; 2] = [Verdict::DeadOpen, Verdict::NeverAccepted];

/// A look, and what was found to be wrong.
#[derive(Debug)]
pub struct Survey {
    snapshot: Snapshot,
    accused: Accused,
    defaults: Vec<GuardDefaults>,
    findings: Vec<CoreEvent>,
    incidents: Vec<CoreEvent>,
    clock: WallClock,
    people: Descriptions,
    means: SnapshotReport,
}

/// Takes a line; an error ends the telling.
pub type Take<'a> = dyn FnMut(&Event<'_>) -> io::Result<()> + 'a;

impl Survey {
    /// Looks and judges; with `all` the sockets without a descriptor are looked for as well.
    pub fn take(config: &Config, all: bool) -> Result<Self, KernelError> {
        let mut kernel = Glance::load()?;
        let mut snapshot = kernel.look(all)?;
        let mut judged = snapshot.clone();
        if young::has_undated(&snapshot) {
            thread::sleep(PAUSE);
            let later = kernel.look(all)?;
            judged = later.clone();
            young::leave_out(&mut judged, &snapshot);
            snapshot = later;
        }
        glance::suppose(&mut judged);
        let told = judge(config, &judged);
        let defaults = guard::list(&snapshot.namespaces()).unwrap_or_default();
        let mut survey = Self {
            defaults,
            accused: told.engine.accused().collect(),
            findings: told.findings.into_values().collect(),
            incidents: told.incidents.into_values().collect(),
            clock: WallClock::measure(),
            people: Descriptions::new(&config.host_root),
            means: kernel.report().clone(),
            snapshot,
        };
        survey.findings.sort_by_key(id);
        Ok(survey)
    }

    /// How the sockets were found.
    pub const fn means(&self) -> &SnapshotReport {
        &self.means
    }

    /// A line for each socket.
    pub fn sockets(&mut self, take: &mut Take<'_>) -> io::Result<()> {
        let list = List::new(&self.snapshot, self.clock, &self.accused, &self.defaults);
        list.each(&mut self.people, take)
    }

    /// A line for each finding.
    pub fn findings(&mut self, take: &mut Take<'_>) -> io::Result<()> {
        tell(&self.findings, self.clock, &mut self.people, take)
    }

    /// A line for each incident.
    pub fn incidents(&mut self, take: &mut Take<'_>) -> io::Result<()> {
        tell(&self.incidents, self.clock, &mut self.people, take)
    }
}

fn tell(
    events: &[CoreEvent],
    clock: WallClock,
    people: &mut Descriptions,
    take: &mut Take<'_>,
) -> io::Result<()> {
    people.get(events.iter().flat_map(|event| accused(&event.body)));
    let about = About {
        processes: Some(people),
        ..About::default()
    };
    for (seq, event) in (1..).zip(events) {
        take(&json::event(event, seq, clock, about))?;
    }
    Ok(())
}

/// The processes that an event names.
fn accused(body: &Body) -> Vec<ProcessId> {
    match body {
        Body::Finding { connection, .. } => {
            let owners = [&connection.owner, &connection.peer_owner];
            owners
                .into_iter()
                .flatten()
                .map(|owner| owner.process.id)
                .collect()
        }
        Body::ProcessFinding { owner, .. } => vec![owner.process.id],
        Body::Incident(incident) => {
            let processes = incident.processes.iter();
            processes.map(|(process, _)| process.id).collect()
        }
        Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Connection { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => Vec::new(),
    }
}

/// What the engine has said, the last of each.
struct Told {
    engine: Engine,
    findings: FxHashMap<u64, CoreEvent>,
    incidents: std::collections::BTreeMap<IncidentId, CoreEvent>,
}

fn judge(config: &Config, snapshot: &Snapshot) -> Told {
    let mut told = Told {
        engine: Engine::new(settings(config)),
        findings: FxHashMap::default(),
        incidents: std::collections::BTreeMap::new(),
    };
    let mut workloads = Workloads::new(&config.host_root);
    told.engine.handle_look(snapshot, clock::now());
    while let Some(output) = told.engine.next_output() {
        match output {
            Output::Event(event) => told.keep(event),
            Output::LookAtProcesses(processes) => {
                let found: Vec<ProcessView> = processes
                    .into_iter()
                    .map(|id| process::look(id, &mut workloads))
                    .collect();
                told.engine.handle_processes(&found, clock::now());
            }
            // There is one look, and nothing remembers.
            Output::Scan
            | Output::Look { .. }
            | Output::LostRequest(_)
            | Output::Mark(_)
            | Output::Unmark(_)
            | Output::Clear(_)
            | Output::SweepTimeWait(_)
            | Output::LookAtPorts { .. } => {}
        }
    }
    told
}

impl Told {
    fn keep(&mut self, event: CoreEvent) {
        match &event.body {
            Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } => {
                if finding.action == Action::Resolved {
                    self.findings.remove(&finding.id);
                } else {
                    self.findings.insert(finding.id, event);
                }
            }
            Body::Incident(incident) => {
                self.incidents.insert(incident.id, event);
            }
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Connection { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => {}
        }
    }
}

fn id(event: &CoreEvent) -> u64 {
    if let Body::Finding { finding, .. } | Body::ProcessFinding { finding, .. } = &event.body {
        finding.id
    } else {
        0
    }
}

/// As the daemon's, but for what needs somebody who watches.
fn settings(config: &Config) -> Settings {
    let mut settings = config.settings();
    for verdict in UNDATED {
        let set = VerdictSettings {
            after: Duration::ZERO,
            ..settings.verdict(verdict)
        };
        settings.verdicts.insert(verdict, set);
    }
    Settings {
        boot_id: kernel::boot_id().into(),
        single_look: true,
        signals: std::collections::BTreeSet::new(),
        ..settings
    }
}
