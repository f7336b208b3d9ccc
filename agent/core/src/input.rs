//! What the engine can be given, as a value: whoever keeps these, in order, can have it all told again.

use crate::engine::Engine;
use crate::memory::Memory;
use crate::model::interest::Interest;
use crate::model::look::{Candidate, LocalPorts, Snapshot, UnheldList};
use crate::model::observation::{Loss, Observation};
use crate::model::process::ProcessView;
use crate::model::socket::ProcessId;
use crate::model::time::Timestamp;
use crate::settings::Settings;

/// One call of the [`Engine`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// One record.
    Observation(Observation),
    /// Subscribers want this from now on.
    Interest(Interest),
    /// Other settings hold from now on.
    Settings(Box<Settings>),
    /// What is half-closed now.
    Scan(Vec<Candidate>),
    /// Every socket.
    Look(Snapshot),
    /// A look could not be made.
    FailedLook,
    /// The minisocks of some namespaces.
    TimeWait(UnheldList),
    /// Local ports of some namespaces, and which of the processes that were asked for have ended.
    Ports {
        /// Ports.
        ports: Vec<LocalPorts>,
        /// Processes.
        ended: Vec<ProcessId>,
    },
    /// What was found of processes.
    Processes(Vec<ProcessView>),
    /// Records were dropped.
    Loss(Loss),
    /// None were.
    NoLoss,
    /// Programs did not run so often where they should have.
    MissedRuns(u64),
    /// What the engine has announced is due.
    Timeout,
    /// Somebody wants to see every socket.
    LookWanted,
    /// An earlier run has known this.
    Restore(Box<Memory>),
}

impl Input {
    /// Gives it to the engine at this moment.
    pub fn apply(&self, engine: &mut Engine, now: Timestamp) {
        match self {
            Self::Observation(observation) => engine.handle(observation, now),
            Self::Interest(interest) => engine.set_interest(*interest, now),
            Self::Settings(settings) => engine.configure(Settings::clone(settings), now),
            Self::Scan(found) => engine.handle_scan(found),
            Self::Look(snapshot) => engine.handle_look(snapshot, now),
            Self::FailedLook => engine.handle_failed_look(now),
            Self::TimeWait(list) => {
                engine.handle_time_wait(&list.namespaces, &list.sockets, now);
            }
            Self::Ports { ports, ended } => engine.handle_ports(ports, ended, now),
            Self::Processes(found) => engine.handle_processes(found, now),
            Self::Loss(loss) => engine.handle_loss(loss.clone(), now),
            Self::NoLoss => engine.handle_no_loss(now),
            Self::MissedRuns(runs) => engine.handle_missed_runs(*runs, now),
            Self::Timeout => engine.handle_timeout(now),
            Self::LookWanted => engine.want_look(now),
            Self::Restore(memory) => engine.restore(memory),
        }
    }
}
