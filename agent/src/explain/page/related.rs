//! The connection on the other side of a relay, the other end, and those like it.

use super::super::case::Case;
use super::super::known::Connection;
use super::super::words::{count, process, state};
use super::part;
use crate::output::json::Relayed;

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let relayed = case.evidence().and_then(|evidence| evidence.relays_for);
    part::some([relay(case, relayed), other_end(case), incident(case)])
}

/// Which backend connection belongs to which client.
fn relay(case: &Case<'_, '_>, relayed: Option<Relayed>) -> Option<String> {
    match (relayed, case.mate) {
        (Some(ends), mate) => {
            let mate = mate.map_or_else(String::new, |mate| format!(", {}", state(mate.state())));
            Some(format!(
                "A relay: it carries on for {}:{} <- {}:{}{mate}. That one has ended; this one passed the end on and \
                 waits. Begin at the peer of this one, not at the relay.",
                bracketed(ends.local.address),
                ends.local.port,
                bracketed(ends.peer.address),
                ends.peer.port
            ))
        }
        (None, Some(mate)) => Some(format!(
            "A relay: {} carries on for this one and waits for its peer. Explain that one: finback explain {}",
            addresses(mate),
            addresses(mate)
        )),
        (None, None) => None,
    }
}

fn bracketed(address: std::net::IpAddr) -> String {
    if address.is_ipv6() {
        format!("[{address}]")
    } else {
        address.to_string()
    }
}

fn addresses(connection: &Connection<'_>) -> String {
    let ends = connection.ends();
    ends.map_or_else(|| "?".to_owned(), |(local, peer)| format!("{local} {peer}"))
}

/// The same connection from the other side, if that is on this host.
fn other_end(case: &Case<'_, '_>) -> Option<String> {
    let peer = case.connection.subject.peer_process.as_ref();
    let at_look = case
        .connection
        .subject
        .network
        .and_then(|network| network.connection.peer_state);
    let is = case.other_end.map(Connection::state).or(at_look)?;
    let who = peer.or_else(|| case.other_end?.subject.process.as_ref());
    let who = who.map_or_else(|| "no process".to_owned(), process);
    let finding = case.other_end.and_then(Connection::open);
    let finding = finding.map_or_else(String::new, |finding| format!(", finding #{}", finding.id));
    Some(format!(
        "The other end is on this host: {who}, {}{finding}.",
        state(is)
    ))
}

fn incident(case: &Case<'_, '_>) -> Option<String> {
    let incident = case.incident?;
    let others = incident.connections.saturating_sub(1);
    let others = match others {
        0 => "it is the only connection there now".to_owned(),
        n => format!("{} more like it", count(n, "connection")),
    };
    Some(format!(
        "Incident {} ({}): {others}.",
        incident.id, incident.cause.program
    ))
}
