//! What incidents are made of: findings, as their events tell them, and requests that were lost.

use std::net::SocketAddr;
use std::sync::Arc;

use super::ports::End;
use crate::model::event::{Body, Connection, LostRequest, Output};
use crate::model::finding::{Finding, Verdict};
use crate::model::socket::{Owner, Process, Role};
use crate::model::time::Timestamp;

/// A finding with its connection and the process that it names.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) finding: Arc<Finding>,
    /// `None` for a finding about a whole process.
    pub(super) connection: Option<Connection>,
    owner: Option<Owner>,
}

/// One thing that was told.
#[derive(Clone, Debug)]
pub(super) enum Notice {
    /// Of a finding.
    Finding(Charge),
    /// Of a request without a finding.
    LostRequest(LostRequest),
}

impl Notice {
    /// `None` if it is about something else.
    pub(super) fn of(output: &Output) -> Option<Self> {
        match output {
            Output::Event(event) => Charge::of(&event.body).map(Self::Finding),
            Output::LostRequest(lost) => Some(Self::LostRequest(lost.clone())),
            Output::Scan
            | Output::Look { .. }
            | Output::Mark(_)
            | Output::Unmark(_)
            | Output::Clear(_)
            | Output::SweepTimeWait(_)
            | Output::LookAtPorts { .. }
            | Output::LookAtProcesses(_) => None,
        }
    }

    /// The process that is accused.
    pub(super) fn process(&self) -> Option<&Arc<Process>> {
        match self {
            Self::Finding(charge) => charge.process(),
            Self::LostRequest(lost) => lost.owner.as_ref().map(|owner| &owner.process),
        }
    }

    /// The id of the finding, if it is about one.
    pub(super) fn finding(&self) -> Option<u64> {
        match self {
            Self::Finding(charge) => Some(charge.finding.id),
            Self::LostRequest(_) => None,
        }
    }

    /// Which end of the connection it is, and the port that stays the same.
    pub(super) fn end(&self) -> End {
        match self {
            Self::Finding(charge) => charge.end(),
            Self::LostRequest(lost) => End {
                role: Role::Client,
                netns: Some(lost.endpoints.netns),
                port: Some(lost.endpoints.peer.port()),
            },
        }
    }
}

/// Where it is not known which end it is, the lower port is more likely the one that stays the same.
fn end(connection: &Connection, role: Role) -> End {
    let local = connection.endpoints.local.port();
    let peer = connection.endpoints.peer.port();
    let port = match role {
        Role::Server => local,
        Role::Client => peer,
        Role::Unknown if local == 0 => peer,
        Role::Unknown => local.min(peer),
    };
    End {
        role,
        netns: Some(connection.endpoints.netns),
        port: Some(port),
    }
}

impl Charge {
    /// `None` if the event is about something else.
    pub(super) fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Finding {
                connection,
                finding,
            } => Some(Self {
                finding: Arc::clone(finding),
                owner: connection.owner.clone(),
                connection: Some(connection.clone()),
            }),
            Body::ProcessFinding { owner, finding } => Some(Self {
                finding: Arc::clone(finding),
                owner: Some(owner.clone()),
                connection: None,
            }),
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Connection { .. }
            | Body::Incident { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => None,
        }
    }

    /// The process that is accused: the one that the finding names, else its first holder.
    pub(super) fn process(&self) -> Option<&Arc<Process>> {
        let named = self.owner.as_ref().map(|owner| &owner.process);
        named.or_else(|| self.finding.holders.first().map(|holder| &holder.process))
    }

    /// With whom the connection is for which this one carries on: a relay has a client on one side of it.
    pub(super) fn relays_for(&self) -> Option<SocketAddr> {
        let peer = self.finding.evidence.relays_for?.peer;
        let connection = self.connection.as_ref()?;
        Some(match connection.role {
            Role::Server => peer,
            Role::Client | Role::Unknown => SocketAddr::new(peer.ip(), 0),
        })
    }

    fn end(&self) -> End {
        let port_use = self.finding.evidence.port_use;
        match &self.connection {
            Some(connection) if self.finding.verdict == Verdict::NeverAccepted => {
                end(connection, Role::Server)
            }
            Some(connection) => end(connection, connection.role),
            None => End {
                role: Role::Client,
                netns: None,
                port: port_use.map(|used| used.peer.port()),
            },
        }
    }

    /// Since when the connection is in trouble.
    pub(super) fn since(&self) -> Timestamp {
        let finding = &self.finding;
        let known = finding.half_closed_since.or(finding.evidence.still_since);
        known.unwrap_or(finding.opened).min(finding.opened)
    }

    /// With whom; port 0 for a client's address, which has another port each time.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let Some(connection) = &self.connection else {
            return self.finding.evidence.port_use.map(|used| used.peer);
        };
        let peer = connection.endpoints.peer;
        Some(match connection.role {
            Role::Client => peer,
            Role::Server | Role::Unknown => SocketAddr::new(peer.ip(), 0),
        })
    }
}
