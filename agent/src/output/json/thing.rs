//! What is told more than once, each time as it is then.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Action, Body, Event};
use crate::output::clock::Time;

/// A finding or an incident, whichever line tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A finding. Each daemon numbers its own.
    Finding {
        /// Its number.
        id: u64,
        /// When it was opened.
        opened: Time,
    },
    /// An incident.
    Incident(Cow<'static, str>),
}

impl Thing {
    /// What a line is about, and whether it is the last one.
    pub fn of(event: &Event<'_>) -> Option<(Self, bool)> {
        let (thing, action) = if let Body::Finding { finding, .. } = &event.body {
            let (id, opened) = (finding.id, finding.opened);
            (Self::Finding { id, opened }, finding.action)
        } else if let Body::Incident { incident, .. } = &event.body {
            let id = incident.id.clone().into_owned();
            (Self::Incident(id.into()), incident.action)
        } else {
            return None;
        };
        Some((thing, action == Action::Resolved))
    }
}

/// The document in which the daemon lists findings or incidents.
#[derive(Debug, Deserialize)]
pub struct Document<'a> {
    /// The last line of each.
    #[serde(borrow, alias = "findings", alias = "incidents")]
    pub events: Vec<Event<'a>>,
}
