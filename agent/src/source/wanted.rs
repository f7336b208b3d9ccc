//! What is wanted of a source.

use crate::output::json::{Body, Event};

/// What is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Every socket.
    Sockets,
    /// Every open finding.
    Findings,
    /// Every incident.
    Incidents,
}

/// Takes a line for which a type is wanted; others pass by.
pub(super) fn is_wanted(event: &Event<'_>, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Sockets => matches!(event.body, Body::Socket { .. }),
        Wanted::Findings => matches!(event.body, Body::Finding { .. }),
        Wanted::Incidents => matches!(event.body, Body::Incident { .. }),
    }
}
