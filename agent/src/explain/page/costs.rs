//! What it costs while it stays: a descriptor, memory, addresses, a processor.

use std::time::Duration;

use super::super::case::Case;
use super::super::words::{Age, Bytes};
use super::part;
use crate::output::json::{Descriptors, Incident, Role, State, Verdict};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    if case.state() == State::Listen {
        return Vec::new();
    }
    part::some([
        descriptors(case),
        buffers(case),
        addresses(case),
        processor(case),
        case.incident.and_then(requests),
    ])
}

/// "812 of 1024, full in 6 minutes".
fn descriptors(case: &Case<'_, '_>) -> Option<String> {
    if case.holders().is_empty() {
        return None;
    }
    let pid = case.pid()?;
    let told = case.incident.and_then(|incident| incident.descriptors);
    let told = told.filter(|told| told.pid == pid);
    let now = case.seen.as_ref().and_then(|seen| seen.descriptors);
    let (open, limit) = now.or_else(|| told.map(|told| (told.open, told.limit)))?;
    let growth = told.map_or_else(String::new, |told| growth(&told));
    Some(format!(
        "A descriptor: process {pid} uses {open} of {}{growth}. Without a free one accept, connect and open fail \
         (EMFILE).",
        up_to(limit)
    ))
}

pub(in super::super) fn up_to(limit: u64) -> String {
    if limit == u64::MAX {
        "any number".to_owned()
    } else {
        limit.to_string()
    }
}

/// How fast they go, and when none is left.
pub(in super::super) fn growth(told: &Descriptors) -> String {
    let more = told
        .per_minute
        .map_or_else(String::new, |n| format!(", {n:.1} more a minute"));
    let left = told.full_in_ns.map(Duration::from_nanos);
    let left = left.map_or_else(String::new, |left| format!(", full in {}", Age(left)));
    format!("{more}{left}")
}

fn buffers(case: &Case<'_, '_>) -> Option<String> {
    let held = |bytes: Option<u32>| bytes.filter(|bytes| *bytes > 1);
    let unread =
        held(case.unread()).map(|bytes| format!("{} received and not read", Bytes(bytes.into())));
    let unacked = held(case.unacked()).map(|bytes| format!("{} to be sent", Bytes(bytes.into())));
    let all: Vec<String> = [unread, unacked].into_iter().flatten().collect();
    if all.is_empty() {
        let held = case.finding().is_some() && case.state() != State::TimeWait;
        return held.then(|| {
            "Memory of the kernel: about 2 KiB for the socket; its buffers are empty.".to_owned()
        });
    }
    Some(format!(
        "Memory of the kernel: the socket, and {}.",
        all.join(", ")
    ))
}

/// The four addresses cannot be used again.
fn addresses(case: &Case<'_, '_>) -> Option<String> {
    let (local, peer) = case.connection.ends()?;
    let port = local.port();
    let found = case.finding().is_some();
    match (case.state(), case.role()) {
        (State::TimeWait, _) => Some(format!(
            "The four addresses, for a minute at most: no other connection between {local} and {peer} meanwhile."
        )),
        (State::Closed, _) => None,
        (_, Role::Client) if found => Some(format!(
            "The local port {port}, toward {peer}: no other connection there can have it."
        )),
        (State::CloseWait, _) if found => Some(format!(
            "The four addresses: a new connection from {peer} (the same port) to port {port} must get past this one. The \
             kernel answers its SYN with a bare ACK, and the peer has to reset this one first: Linux does so in \
             milliseconds, but where a firewall or NAT drops that ACK or that reset the new one never comes about."
        )),
        _ => None,
    }
}

fn processor(case: &Case<'_, '_>) -> Option<String> {
    let spins = case.verdict() == Some(Verdict::EofSpin);
    spins.then(|| "A processor: the loop never sleeps.".to_owned())
}

fn requests(incident: &Incident<'_>) -> Option<String> {
    let lost = incident.lost_requests;
    (lost > 0).then(|| format!("Requests: {lost} were lost on such connections."))
}
