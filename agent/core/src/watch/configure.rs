//! Other settings: a look at once judges anew whatever is watched.

use super::watched::{Table, Watched};
use crate::model::time::Timestamp;
use crate::settings::Settings;
use crate::settings::exception::Subject;

/// Everything is due. Findings of which more is asked now than before must prove themselves again.
pub(super) fn apply(table: &mut Table, before: &Settings, after: &Settings, now: Timestamp) {
    let socks: Vec<u64> = table.iter().map(Watched::sock).collect();
    for sock in socks {
        table.advance(sock, now);
        if let Some(watched) = table.get_mut(sock)
            && asks_for_more(watched, before, after)
        {
            watched.doubtful = true;
        }
    }
}

/// Whether a finding that was told under settings which nobody knows any more would not be told by these.
pub(super) fn outgrown(watched: &Watched, settings: &Settings) -> bool {
    let Some(finding) = &watched.finding else {
        return false;
    };
    let connection = &watched.connection;
    let port = connection.endpoints.local.port();
    let subject = Subject::new(connection.owner.as_ref(), port, &finding.holders);
    let set = settings.verdict_about(finding.verdict, subject);
    set.is_off() || set.after > finding.evidence.threshold
}

fn asks_for_more(watched: &Watched, before: &Settings, after: &Settings) -> bool {
    let Some(finding) = &watched.finding else {
        return false;
    };
    let connection = &watched.connection;
    let port = connection.endpoints.local.port();
    let subject = Subject::new(connection.owner.as_ref(), port, &finding.holders);
    let before = before.verdict_about(finding.verdict, subject);
    let after = after.verdict_about(finding.verdict, subject);
    after.is_off() || after.after > before.after
}
