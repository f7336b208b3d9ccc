//! What a page is about, by a name that stays the same whatever is replaced.

use std::fmt;

use crate::explain::ask::{Asked, Reading};
use crate::output::json::{self, Explanation, SocketId, Subject};

/// The subject of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A connection or a listener.
    Socket(SocketId),
    /// A process.
    Process(u32),
    /// A finding about a process.
    Finding(u64),
    /// An incident.
    Incident(String),
}

impl Topic {
    /// Of a page that was written.
    pub(super) fn of(subject: &Subject<'_>, page: &Explanation<'_>) -> Option<Self> {
        match page.topic {
            json::Topic::Connection => subject.socket.map(|socket| Self::Socket(socket.id)),
            json::Topic::Incident => page
                .incident
                .as_ref()
                .map(|id| Self::Incident(id.to_string())),
            json::Topic::Process => {
                let process = subject.process.as_ref();
                let finding = page.finding.map(Self::Finding);
                finding.or_else(|| process.map(|process| Self::Process(process.pid)))
            }
        }
    }

    /// The question whose first answer is its page.
    pub(super) fn asked(&self) -> Asked {
        let reading = match self {
            Self::Socket(id) => Reading::Socket(id.to_string()),
            Self::Process(pid) => Reading::Process(*pid),
            Self::Finding(id) => Reading::Finding(*id),
            Self::Incident(id) => Reading::Incident(id.clone()),
        };
        Asked {
            text: self.to_string(),
            readings: vec![reading],
        }
    }
}

/// As `finback explain` takes it.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(id) => write!(f, "{id}"),
            Self::Process(pid) => write!(f, "{pid}"),
            Self::Finding(id) => write!(f, "#{id}"),
            Self::Incident(id) => f.write_str(id),
        }
    }
}
