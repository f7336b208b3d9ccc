//! What has changed of incidents, for who keeps it for the next run.

use std::collections::BTreeSet;

use crate::model::incident::IncidentId;
use crate::model::time::Timestamp;

/// What has changed since it was last asked for.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) incidents: BTreeSet<IncidentId>,
    /// Findings that have become part of an incident.
    pub(crate) members: BTreeSet<u64>,
    pub(super) written: Timestamp,
}
