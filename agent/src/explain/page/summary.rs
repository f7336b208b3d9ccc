//! The verdict in one sentence.

use super::super::case::Case;
use super::super::words::{Age, Bytes, count, wire};
use crate::output::json::State;

pub(super) fn section(case: &Case<'_, '_>) -> String {
    if let Some(finding) = case.finding() {
        return finding.summary.clone().into_owned();
    }
    let now = healthy(case);
    let Some(past) = case.past() else {
        return now;
    };
    let how = past
        .resolution
        .map_or_else(String::new, |how| format!(" ({})", wire(how)));
    format!(
        "Over{how}: finding #{} said: {}. Now: {now}",
        past.id, past.summary
    )
}

/// Of a connection without a finding.
fn healthy(case: &Case<'_, '_>) -> String {
    let (who, peer, local) = (case.who(), case.peer(), case.local());
    let age = case
        .age()
        .map_or_else(String::new, |age| format!(" for {}", Age(age)));
    let ago = case
        .age()
        .map_or_else(String::new, |age| format!(" {} ago", Age(age)));
    match case.state() {
        State::Established => established(case),
        State::Listen => listener(case),
        State::TimeWait => format!(
            "TIME_WAIT, nothing is wrong: both ends of {local} - {peer} have closed, this one first. The kernel keeps \
             the addresses for a minute; no process has it any more"
        ),
        State::CloseWait => format!(
            "half-closed, no fault so far: {peer} has ended its side{ago}, {who} has not yet ended its own"
        ),
        State::FinWait2 if case.holders().is_empty() => format!(
            "being closed, nothing is wrong: this end has closed, {peer} has not yet; the kernel forgets it after \
             net.ipv4.tcp_fin_timeout"
        ),
        State::FinWait2 => format!(
            "half-closed, no fault so far: {who} has ended its side{ago} and waits for what {peer} still sends"
        ),
        State::FinWait1 | State::Closing | State::LastAck => format!(
            "being closed{age}, nothing is wrong: the kernel waits until {peer} acknowledges the end"
        ),
        State::SynSent => format!("being opened{age}: {peer} has not answered {who} yet"),
        State::SynReceived => format!("being opened{age}: {peer} has not ended the handshake yet"),
        State::Closed => {
            format!("not connected: {who} has a socket that is new, or over for a moment only")
        }
    }
}

fn established(case: &Case<'_, '_>) -> String {
    let (who, peer) = (case.who(), case.peer());
    let lasts = case
        .age()
        .map_or_else(String::new, |age| format!(" for {}", Age(age)));
    let listed = case.listed();
    let sent = listed.and_then(|listed| listed.sent_bytes);
    let received = listed.and_then(|listed| listed.received_bytes);
    let bytes = sent
        .zip(received)
        .map_or_else(String::new, |(sent, received)| {
            format!(", {} sent, {} received", Bytes(sent), Bytes(received))
        });
    let retransmits = listed.map_or(0, |listed| listed.retransmits);
    if retransmits > 0 {
        return format!(
            "established{lasts}, no fault so far: {peer} leaves {} of {who} unanswered",
            count(retransmits, "retransmission")
        );
    }
    format!("established{lasts}, nothing is wrong: {who} and {peer}{bytes}")
}

fn listener(case: &Case<'_, '_>) -> String {
    let (who, local) = (case.who(), case.local());
    let queue = case.unread().zip(case.unacked());
    match queue {
        Some((0, _)) | None => {
            format!("a listener, nothing is wrong: {who} listens on {local}, nobody waits")
        }
        Some((waiting, limit)) if waiting > limit => format!(
            "a listener whose accept queue is full: {waiting} connections wait for {who} on {local}, {limit} have room"
        ),
        Some((waiting, limit)) => format!(
            "a listener: {} for {who} on {local} to accept, {limit} have room",
            if waiting == 1 {
                "1 connection waits".to_owned()
            } else {
                format!("{waiting} connections wait")
            }
        ),
    }
}
