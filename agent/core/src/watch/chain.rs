//! Chains: a client, relays, and a server at the end. Whoever waits in one waits because of its last link.

use super::relays::Relays;
use super::watched::{Table, Watched};
use crate::model::finding::Verdict;

/// Relays, one behind the other, that are looked through.
const LINKS: usize = 8;

/// The finding that this one follows from: whoever waits for a peer on this host that is accused itself, or whose chain
/// ends at one that is, waits because of that.
pub(super) fn caused_by(
    table: &Table,
    relays: &Relays,
    watched: &Watched,
    verdict: Verdict,
) -> Option<u64> {
    let mut waiting = Some(watched).filter(|_| verdict == Verdict::PeerNotClosing);
    let mut cause = None;
    for _ in 0..LINKS {
        let Some(peer) = waiting.and_then(|waiting| opposite(table, waiting)) else {
            break;
        };
        cause = accused(peer).or(cause);
        waiting = relays
            .fitting_mate(peer.sock())
            .and_then(|sock| table.get(sock));
    }
    cause
}

fn opposite<'a>(table: &'a Table, watched: &Watched) -> Option<&'a Watched> {
    let (sock, _) = watched.peer.as_ref()?.held?;
    table.get(sock)
}

fn accused(watched: &Watched) -> Option<u64> {
    let finding = watched.finding.as_ref()?;
    (finding.verdict != Verdict::PeerNotClosing).then_some(finding.id)
}
