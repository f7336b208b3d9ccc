//! Findings that outlive a run of the agent: what the next run must know of them, and how it goes on.
//!
//! As after a pause: the judgement goes on from what it rested on. Until a look has shown the very socket again, nothing is
//! said of it.

use std::sync::Arc;

use super::book::{Book, shown};
use super::departure;
use super::minisocks::Group;
use super::pressure::Squeeze;
use super::watched::Watched;
use crate::connection::Connection;
use crate::model::event::{Body, Output};
use crate::model::finding::{Action, Finding};
use crate::model::look::{Snapshot, SocketView};
use crate::model::time::Timestamp;

/// An open finding with all that its judgement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Kept {
    /// About a connection.
    Connection(Box<Watched>),
    /// About a process.
    Process(Group, Box<Squeeze>),
}

impl Kept {
    /// The finding; there is none in what somebody else has written.
    pub(crate) const fn finding(&self) -> Option<&Arc<Finding>> {
        match self {
            Self::Connection(watched) => watched.finding.as_ref(),
            Self::Process(_, squeeze) => squeeze.finding.as_ref(),
        }
    }

    /// As its event tells it.
    pub(crate) fn body(&self) -> Option<Body> {
        let finding = Arc::clone(self.finding()?);
        Some(match self {
            Self::Connection(watched) => Body::Finding {
                connection: shown(watched, watched.connection.state),
                finding,
            },
            Self::Process(_, squeeze) => Body::ProcessFinding {
                owner: squeeze.owner.clone(),
                finding,
            },
        })
    }
}

/// Takes those back that this look shows; the others have ended.
pub(super) fn resume(book: &mut Book<'_>, unproven: Vec<Watched>, snapshot: &Snapshot) {
    for watched in unproven {
        let sock = watched.sock();
        let view = snapshot.find(sock);
        let same = view.is_some_and(|view| is_it(&watched.connection, view));
        // Known from a record of the first moments: the look tells more.
        book.forget(sock);
        book.table.insert(watched);
        book.out.put(Output::Mark(sock));
        if !same {
            departure::absent(book, sock, snapshot.taken);
        }
    }
}

/// Whether it is the very socket.
fn is_it(connection: &Connection, view: &SocketView) -> bool {
    let cookies = connection.cookie.zip(view.cookie);
    connection.is_shown_by(view) && cookies.is_none_or(|(known, seen)| known == seen)
}

/// The look has shown them: whoever listens now has not heard of them yet.
pub(super) fn proven(book: &mut Book<'_>, socks: &[u64], taken: Timestamp) {
    for sock in socks {
        let Some(watched) = book.table.get_mut(*sock) else {
            continue;
        };
        let silent = watched.resumed.take().is_some();
        let Some(finding) = watched.finding.clone().filter(|_| silent) else {
            continue;
        };
        let mut finding = Arc::unwrap_or_clone(finding);
        finding.action = Action::Updated;
        let finding = Arc::new(finding);
        watched.finding = Some(Arc::clone(&finding));
        let state = watched.connection.state;
        book.tell(*sock, taken, state, finding);
    }
}
