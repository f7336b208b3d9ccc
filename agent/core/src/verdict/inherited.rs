//! Its opener has closed its descriptor or ended; another process keeps it alive.

use super::case::{Case, Opinion};
use crate::model::finding::Verdict;
use crate::model::socket::{Attribution, Owner, ProcessId};

/// The opener was seen opening it and is not among the holders. That the others hold it by accident shows in that
/// none of them uses it: nobody has read the FIN, or the opener itself was told of it before it left.
pub(super) fn judge(case: &Case<'_>) -> Opinion {
    let (Some(counters), Some(left)) = (case.accepted_counters(), case.progress.left_at) else {
        return Opinion::No;
    };
    let connection = case.connection;
    let unused = match connection.delivery.at {
        Some(_) => {
            let opener = connection.owner.as_ref().map(|owner| owner.process.id.pid);
            let told = connection.delivery.by;
            told.is_some() && told == opener
        }
        None => counters.unread > 0 && !counters.upper_layer,
    };
    // Without the numbers at the FIN nobody knows whether they have written since.
    let silent = connection.written == 0 && case.view.half.is_some();
    if !unused || !silent {
        return Opinion::No;
    }
    case.settle_alone(Verdict::Inherited, left.max(case.read_at()))
}

/// Whether the opener, seen opening the connection, has left it to others.
pub(crate) fn has_left(
    opener: Option<&Owner>,
    mut holders: impl ExactSizeIterator<Item = ProcessId>,
) -> bool {
    let seen = |owner: &&Owner| {
        matches!(
            owner.attribution,
            Attribution::Connect | Attribution::Accept
        )
    };
    let Some(opener) = opener.filter(seen) else {
        return false;
    };
    holders.len() > 0 && holders.all(|holder| holder != opener.process.id)
}
