//! Why it is a fault, or why not.

use super::super::case::Case;
use super::super::words::{Bytes, count, wire};
use crate::output::json::{
    Confidence, Evidence, Incident, Peer, Reason, Role, Severity, State, Verdict,
};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let Some(finding) = case.finding() else {
        return harmless(case).map(ToOwned::to_owned).into_iter().collect();
    };
    let evidence = &finding.evidence;
    let mut all = vec![rule(case, finding.verdict, evidence)];
    if half_closed(finding.verdict) && finding.verdict != Verdict::StalePooled {
        all.extend(evidence.peer.map(|peer| left(peer).to_owned()));
    }
    if finding.confidence == Confidence::Likely {
        let missing = finding.missing.join(", ");
        all.push(format!(
            "It is likely, not proven: not seen is {missing} (see below)."
        ));
    }
    all.push(severity(finding.severity, case.incident));
    all.extend(caused(case, evidence));
    all
}

/// What is proven.
fn rule(case: &Case<'_, '_>, verdict: Verdict, evidence: &Evidence) -> String {
    let peer = case.peer();
    let unread = Bytes(evidence.unread_bytes.unwrap_or_default().into());
    match verdict {
        Verdict::EofUnread => format!(
            "{peer} has ended its side, and that lies unread in the receive queue ({unread}, the FIN counts as one): \
             the program has not asked, so it cannot know that nobody is left, and cannot close."
        ),
        Verdict::EofNotRequested => "The last read took the last data and the FIN together. Only the next read would \
             have returned 0, and the program never made it: it cannot know."
            .to_owned(),
        Verdict::NotClosed => "A read has returned 0: the program knows that the peer has ended. It has neither closed \
             since nor sent anything. A half-close is legal, but only while something is still to be sent."
            .to_owned(),
        Verdict::NeverAccepted => {
            let queue = evidence.accept_queue.map_or_else(String::new, |queue| {
                format!(" {} in that queue.", are_waiting(queue))
            });
            format!(
                "The kernel has made the connection; the program has not called accept for it, and {peer} has given \
                 up meanwhile. No handler can be at work on it.{queue}"
            )
        }
        Verdict::Inherited => "The process that opened it is done with it. Another one has a descriptor of it that it \
             cannot have used: the connection stays open for nobody."
            .to_owned(),
        Verdict::EofSpin => format!(
            "The end-of-stream was returned {} times: a loop reads it over and over and burns a processor. 0 is no \
             data that may come later; it is the end.",
            evidence.eof_deliveries.unwrap_or_default()
        ),
        Verdict::WriteAfterFin => format!(
            "{} were written more than a moment after {peer} had hung up. They are lost: the peer's kernel answers \
             with a reset, and the write itself has succeeded.",
            Bytes(evidence.written_bytes.unwrap_or_default())
        ),
        Verdict::StalePooled => pooled(case, evidence),
        Verdict::DeadOpen => dead(evidence),
        Verdict::NeverReads => format!(
            "{unread} wait and the receive window is shut: {peer} may not send, not even its end. The program has not \
             read for long."
        ),
        Verdict::DeadPeer => dead_peer(&peer, evidence),
        Verdict::PeerNotClosing => format!(
            "This end has ended its side in order. {peer} keeps its own side open and sends nothing. Legal while an \
             answer is on its way; the kernel has no deadline for it while a descriptor is open."
        ),
        Verdict::TimeWaitPressure => "Connections that were closed here first keep their local ports for a minute \
             each; toward this peer they are nearly used up."
            .to_owned(),
    }
}

fn are_waiting(queue: u32) -> String {
    match queue {
        1 => "It is the only one".to_owned(),
        n => format!("{n} are"),
    }
}

/// A benign pool says so.
fn pooled(case: &Case<'_, '_>, evidence: &Evidence) -> String {
    let others = evidence.pooled.filter(|others| *others > 1);
    let others = others.map_or_else(String::new, |n| format!(" It is one of {n} like it."));
    let peer = case.peer();
    format!(
        "An idle connection of a client: requests and answers went over it before, then {peer} has ended it, and \
         nothing was lost. A pool that keeps it finds out when it wants to use it, and opens another. This is benign \
         as long as their number does not grow.{others}"
    )
}

fn dead(evidence: &Evidence) -> String {
    let how = ended(evidence.error);
    if evidence.error_delivered {
        return format!(
            "The connection {how}. A call has told the program so, and it keeps the descriptor: that can be no work."
        );
    }
    match evidence.error {
        None => "Both sides have ended it in order; only the descriptor was never closed. Nothing can be sent or \
             received on it any more."
            .to_owned(),
        Some(_) => format!(
            "The connection {how}, and no call has fetched the error: nobody reads it, nobody polls it. The \
             descriptor stays until the program closes it."
        ),
    }
}

/// By its errno.
const fn ended(error: Option<u32>) -> &'static str {
    match error {
        Some(32 | 104) => "was reset by the peer",
        Some(110) => "timed out: the peer did not answer any more",
        Some(103) => "was destroyed by somebody on this host (ss -K or the like)",
        _ => "is over",
    }
}

fn dead_peer(peer: &str, evidence: &Evidence) -> String {
    let retransmits = evidence.retransmits.filter(|times| *times > 0);
    let probes = evidence.probes.filter(|times| *times > 0);
    let what = match (retransmits, probes) {
        (Some(times), _) => count(times, "retransmission"),
        (None, Some(times)) => count(times, "probe"),
        (None, None) => "what was sent".to_owned(),
    };
    format!(
        "{peer} has left {what} without any answer. The program waits for it, and the kernel goes on trying for many \
         minutes before it says so (about 15 with net.ipv4.tcp_retries2 = 15)."
    )
}

/// Whether somebody is left to read an answer.
const fn left(peer: Peer) -> &'static str {
    match peer {
        Peer::Gone => {
            "Nobody is left at the other end: it was seen to close, or has reset. Nothing excuses it."
        }
        Peer::Waits => "The other end waits for an answer, so far that excuses it.",
        Peer::Reads => "The other end still acknowledges data, so far that excuses it.",
        Peer::Lives => "The other end's kernel still answers, so far that excuses it.",
        Peer::Unknown => {
            "Whether somebody at the other end still waits for an answer cannot be told: a half-close is legal. A \
             handler that is at work for it looks the same; that is why one alone is no warning."
        }
    }
}

/// The peer has ended its side and this end has not: the family of CLOSE_WAIT.
const fn half_closed(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::EofUnread
            | Verdict::EofNotRequested
            | Verdict::NotClosed
            | Verdict::NeverAccepted
            | Verdict::Inherited
            | Verdict::EofSpin
            | Verdict::StalePooled
    )
}

/// Why it is as severe as it is.
pub(in super::super) fn severity(severity: Severity, incident: Option<&Incident<'_>>) -> String {
    let reason = incident.and_then(|incident| incident.reason);
    match (severity, reason) {
        (Severity::Info, _) => {
            "Severity info: worth knowing, nothing to be woken up for.".to_owned()
        }
        (_, Some(reason)) => format!("Severity {}: {}.", wire(severity), because(reason)),
        (_, None) => format!("Severity {}.", wire(severity)),
    }
}

const fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::Crowd => "there are many like it, and for long",
        Reason::Age => "it has gone unnoticed for very long",
        Reason::Rising => "they become more and more, and hardly any of them leaves",
        Reason::Descriptors => "the process is about to have no descriptor left",
        Reason::Queue => "its accept queue does not move, or is full",
        Reason::Spin => "the loop has burned a processor for long",
        Reason::LostRequests => "requests are lost on such connections",
        Reason::LocalPorts => "local ports are used up",
        Reason::Configured => "the configuration says so",
    }
}

fn caused(case: &Case<'_, '_>, evidence: &Evidence) -> Option<String> {
    let of_finding = evidence.caused_by.map(|id| format!("finding #{id}"));
    let incident = case
        .incident
        .and_then(|incident| incident.caused_by.as_ref());
    let cause = of_finding.or_else(|| incident.map(|id| format!("incident {id}")))?;
    Some(format!(
        "It follows from {cause}: begin there (`finback explain` it)."
    ))
}

/// Without a finding.
fn harmless(case: &Case<'_, '_>) -> Option<&'static str> {
    if case.state() == State::CloseWait && case.mate.is_some() {
        return Some(
            "A relay at work: it has passed the end on, and the other side has not answered it yet. That is no fault \
             of this connection; a pair has one finding, on the side where it waits.",
        );
    }
    match (case.state(), case.role()) {
        (State::CloseWait, Role::Client) => Some(
            "Becomes a fault if nothing happens: it is too young, or somebody at the other end still takes what is \
             sent. Look again in a minute.",
        ),
        (State::CloseWait, _) => Some(
            "A half-close is legal: the client may wait for its answer. It becomes a fault if nothing is sent, or \
             nobody is left to read it. Look again in a minute.",
        ),
        (State::TimeWait, _) => Some(
            "TIME_WAIT belongs to whoever closes first: it keeps late segments of this connection out of the next one \
             with the same addresses. It is a cost only where thousands of them use up the local ports toward one peer.",
        ),
        (State::FinWait2, _) if !case.holders().is_empty() => Some(
            "A half-close is legal. The kernel has no deadline for the peer's end while the descriptor is open.",
        ),
        (State::Established, _) if case.listed().is_some_and(|listed| listed.retransmits > 2) => {
            Some(
                "The peer or the network is silent. It becomes a finding after three retransmissions and 15 s.",
            )
        }
        (
            State::Established
            | State::Listen
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::SynSent
            | State::SynReceived
            | State::Closed,
            _,
        ) => None,
    }
}
