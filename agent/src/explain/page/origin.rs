//! Application or network, and what shows it.

use super::super::case::Case;
use super::super::words::{Age, count, process};
use super::part;
use crate::output::json::{Evidence, Origin, State, Verdict};

pub(super) fn section(case: &Case<'_, '_>) -> (Origin, Vec<String>) {
    let Some(finding) = case.finding() else {
        return healthy(case);
    };
    let evidence = &finding.evidence;
    let told = match finding.verdict {
        Verdict::EofUnread
        | Verdict::EofNotRequested
        | Verdict::NotClosed
        | Verdict::NeverAccepted
        | Verdict::Inherited
        | Verdict::EofSpin => (Origin::Application, delivered(evidence)),
        Verdict::WriteAfterFin => (
            Origin::Application,
            vec!["The peer's end had arrived before the data was written: a read or a poll would have told.".into()],
        ),
        Verdict::StalePooled => (
            Origin::Nobody,
            vec!["The server's idle timeout is shorter than the client's: the end came in order.".into()],
        ),
        Verdict::DeadOpen => dead(evidence),
        Verdict::NeverReads => (
            Origin::Application,
            vec!["The network has delivered until no room was left here: the receive window is shut from this end.".into()],
        ),
        Verdict::DeadPeer => (Origin::Network, silent(case, evidence)),
        Verdict::PeerNotClosing => (Origin::Peer, waiting(case)),
        Verdict::TimeWaitPressure => (
            Origin::Application,
            vec!["Every connection was closed in order: the program opens a new one each time.".into()],
        ),
    };
    if evidence.caused_by.is_some() {
        return (Origin::Peer, told.1);
    }
    told
}

/// In CLOSE_WAIT the network has done all of its work.
fn delivered(evidence: &Evidence) -> Vec<String> {
    let fin = if evidence.state == Some(State::Closed) {
        "The network has done its work: the peer's reset has arrived in this kernel."
    } else {
        "The network has done its work: the peer's FIN has arrived in this kernel and was acknowledged; no segment is \
         missing."
    };
    let waits = evidence.unread_bytes.filter(|bytes| *bytes > 0);
    let waits = waits
        .map(|_| "What waits in the receive queue is in this host's memory already.".to_owned());
    let mut all = vec![fin.to_owned()];
    all.extend(waits);
    all
}

fn dead(evidence: &Evidence) -> (Origin, Vec<String>) {
    let kept = "Whatever ended it, keeping the descriptor is the program's part.";
    let first = match evidence.error {
        Some(110) => {
            "The end came from the network or the peer's host: nothing was answered until the kernel gave up."
        }
        Some(103) => "Somebody on this host has destroyed it.",
        Some(_) => "The end came from the peer: a reset has arrived.",
        None if evidence.error_delivered => {
            "The end was told to the program by the error of a call."
        }
        None => "Both sides have ended it in order: the network has lost nothing.",
    };
    (Origin::Application, vec![first.to_owned(), kept.to_owned()])
}

fn silent(case: &Case<'_, '_>, evidence: &Evidence) -> Vec<String> {
    let heard = case.listed().and_then(|listed| listed.last_heard);
    let heard =
        heard.map(|heard| format!("Last sign of life: {} ago.", Age(case.now.since(heard))));
    let times = evidence.retransmits.filter(|times| *times > 0);
    let times = times.map(|times| {
        format!(
            "{} left this host and nothing came back, not even a reset.",
            count(times, "retransmission")
        )
    });
    let unacked = evidence.unacked_bytes.filter(|bytes| *bytes > 0);
    let unacked = unacked.map(|bytes| format!("{bytes} bytes are not acknowledged."));
    part::some([times, unacked, heard])
}

fn waiting(case: &Case<'_, '_>) -> Vec<String> {
    let peer = case.connection.subject.peer_process.as_ref();
    let who = peer.map(|peer| {
        format!(
            "The other end is on this host: {} has not closed.",
            process(peer)
        )
    });
    vec![who.unwrap_or_else(|| {
        "This end's FIN was acknowledged: the network works, the peer's kernel lives. Its program has not closed.".into()
    })]
}

fn healthy(case: &Case<'_, '_>) -> (Origin, Vec<String>) {
    let retransmits = case.listed().map_or(0, |listed| listed.retransmits);
    match case.state() {
        State::Established | State::FinWait1 | State::SynSent | State::LastAck
            if retransmits > 2 =>
        {
            (
                Origin::Network,
                vec![format!(
                    "{} without an answer.",
                    count(retransmits, "retransmission")
                )],
            )
        }
        State::Established
        | State::Listen
        | State::SynSent
        | State::SynReceived
        | State::CloseWait
        | State::LastAck
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::TimeWait
        | State::Closed => (Origin::Nobody, Vec::new()),
    }
}
