//! What has happened at both ends, as far as it is known, the oldest first.

use super::super::case::Case;
use super::super::words::{Age, Bytes, count, process, state, wire};
use super::part;
use crate::output::clock::Time;
use crate::output::json::{
    Body, Cause, End, Evidence, Finding, Moment, Role, StackKind, State, Transition, Verdict,
};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<Moment<'static>> {
    let mut timed = data(case);
    timed.extend(changes(case));
    if let Some(finding) = case.finding().or_else(|| case.past()) {
        timed.extend(trouble(case, finding));
    }
    timed.sort_by_key(|moment| moment.time);
    let mut all: Vec<Moment<'static>> = opening(case).into_iter().collect();
    all.extend(timed);
    all.extend(rest(case).into_iter().map(|text| Moment {
        time: None,
        end: None,
        text: text.into(),
    }));
    all
}

fn at(time: Time, end: impl Into<Option<End>>, text: String) -> Moment<'static> {
    Moment {
        time: Some(time),
        end: end.into(),
        text: text.into(),
    }
}

/// Who connected.
fn opening(case: &Case<'_, '_>) -> Option<Moment<'static>> {
    if case.state() == State::Listen {
        return None;
    }
    let (who, peer) = (case.who(), case.peer());
    let stacks = case.finding().map_or(&[][..], |finding| &finding.stacks);
    let stack = stacks.iter().find(|stack| stack.kind != StackKind::Current);
    let thread = stack.map_or_else(String::new, |stack| {
        format!(", in thread {} ({})", stack.thread_id, stack.thread_name)
    });
    let (end, text) = match case.role() {
        Role::Client => (
            Some(End::Local),
            format!("{who} connected to {peer}{thread}"),
        ),
        Role::Server
            if case
                .evidence()
                .is_some_and(|evidence| evidence.accepted == Some(false)) =>
        {
            (
                Some(End::Peer),
                format!("{peer} connected; nobody here accepted it"),
            )
        }
        Role::Server => (
            Some(End::Peer),
            format!("{peer} connected, and was accepted here{thread}"),
        ),
        Role::Unknown => (None, "which end connected is not known".to_owned()),
    };
    Some(Moment {
        time: stack.map(|stack| stack.time),
        end,
        text: text.into(),
    })
}

/// Last data each way.
fn data(case: &Case<'_, '_>) -> Vec<Moment<'static>> {
    let Some(listed) = case.listed() else {
        return Vec::new();
    };
    let peer = case.peer();
    // A FIN is a sign of life, too, and has a moment of its own.
    let end = case.finding().and_then(|finding| finding.half_closed_since);
    let heard = listed
        .last_heard
        .filter(|heard| Some(*heard) > listed.last_received && Some(*heard) > end);
    let all = [
        listed
            .last_sent
            .map(|time| at(time, End::Local, format!("data last sent to {peer}"))),
        listed
            .last_received
            .map(|time| at(time, End::Peer, format!("data last received from {peer}"))),
        heard.map(|time| {
            at(
                time,
                End::Peer,
                format!("last sign of life of {peer} (an answer without data)"),
            )
        }),
    ];
    all.into_iter().flatten().collect()
}

/// Changes that were told.
fn changes(case: &Case<'_, '_>) -> Vec<Moment<'static>> {
    let history = case.connection.history.iter();
    // A finding says these itself, and more.
    let found = case.connection.finding.as_deref();
    let end = found.is_some_and(|finding| finding.half_closed_since.is_some());
    let delivery = found.is_some_and(|finding| finding.evidence.eof_delivered.is_some());
    let told = history.filter_map(|event| {
        let (end, text) = match &event.body {
            Body::Transition { transition, .. }
                if transition.cause == Cause::FinReceived && end =>
            {
                return None;
            }
            Body::Eof { .. } if delivery => return None,
            Body::Transition { transition, .. } => change(transition),
            Body::Eof { eof, .. } => (
                Some(End::Local),
                format!(
                    "a read returned 0 (end-of-stream) in thread {}",
                    eof.thread_id
                ),
            ),
            Body::Connection { connection, .. } => {
                (None, format!("over: {}", wire(connection.cause)))
            }
            Body::Hello { .. }
            | Body::Finding { .. }
            | Body::Incident { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. } => return None,
        };
        Some(at(event.time, end, text))
    });
    told.collect()
}

/// With the end that has caused it, where that is told.
fn change(transition: &Transition) -> (Option<End>, String) {
    let Transition {
        from, to, cause, ..
    } = transition;
    let text = format!("{} -> {} ({})", state(*from), state(*to), wire(*cause));
    let by_peer = matches!(cause, Cause::FinReceived | Cause::RstReceived);
    (by_peer.then_some(End::Peer), text)
}

/// The end, who was told of it, and what was done since.
fn trouble(case: &Case<'_, '_>, finding: &Finding<'_>) -> Vec<Moment<'static>> {
    let peer = case.peer();
    let mut all = Vec::new();
    if let Some(time) = finding.half_closed_since {
        all.push(at(
            time,
            End::Peer,
            format!("{peer} hung up first: its FIN was accepted and acknowledged"),
        ));
    }
    all.extend(ours(case, finding));
    all.extend(told(case, &finding.evidence));
    let history = finding.history.iter();
    all.extend(history.map(|past| {
        at(
            past.since,
            None,
            format!("it was judged {}", wire(past.verdict)),
        )
    }));
    all.push(at(
        finding.opened,
        None,
        format!("finback found it, finding #{}", finding.id),
    ));
    all
}

/// This end hung up first.
fn ours(case: &Case<'_, '_>, finding: &Finding<'_>) -> Option<Moment<'static>> {
    let since = finding.evidence.still_since?;
    let text = if finding.verdict == Verdict::PeerNotClosing {
        let peer = case.peer();
        format!("this end hung up first (FIN sent); nothing has come from {peer} since")
    } else {
        "nothing was received, read or acknowledged since".to_owned()
    };
    Some(at(since, End::Local, text))
}

fn told(case: &Case<'_, '_>, evidence: &Evidence) -> Vec<Moment<'static>> {
    let mut all = Vec::new();
    if let Some(time) = evidence.eof_delivered {
        let whom = evidence
            .eof_pid
            .map_or_else(String::new, |pid| format!(" in process {pid}"));
        let thread = thread(case).map_or_else(String::new, |id| format!(", thread {id}"));
        let times = evidence.eof_deliveries.filter(|times| *times > 1);
        let times = times.map_or_else(String::new, |times| format!(", {times} times since"));
        all.push(at(
            time,
            End::Local,
            format!("it was told: a read returned 0 (end-of-stream){whom}{thread}{times}"),
        ));
    }
    if let Some(time) = evidence.written {
        let bytes = evidence.written_bytes.unwrap_or_default();
        all.push(at(
            time,
            End::Local,
            format!(
                "{} last written after {} had hung up",
                Bytes(bytes),
                case.peer()
            ),
        ));
    }
    all
}

/// The thread that the end-of-stream was handed to, where that was told.
fn thread(case: &Case<'_, '_>) -> Option<u32> {
    let mut history = case.connection.history.iter();
    history.find_map(|event| match &event.body {
        Body::Eof { eof, .. } => Some(eof.thread_id),
        Body::Hello { .. }
        | Body::Transition { .. }
        | Body::Finding { .. }
        | Body::Incident { .. }
        | Body::Connection { .. }
        | Body::Socket { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => None,
    })
}

/// What has no moment: what has not happened, and how it stands.
fn rest(case: &Case<'_, '_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(evidence) = case.evidence() {
        all.extend(never(evidence, case.verdict()));
        all.extend(over(evidence));
    }
    let past = case.past().and_then(|past| past.resolution);
    all.extend(past.map(|how| format!("the finding is over: {}", wire(how))));
    all.extend(peer_state(case));
    let age = case
        .age()
        .map_or_else(String::new, |age| format!(" for {}", Age(age)));
    let unread = case
        .unread()
        .filter(|bytes| *bytes > 0 && case.state() != State::Listen);
    let unread = unread.map_or_else(String::new, |bytes| {
        format!(", {} unread", Bytes(bytes.into()))
    });
    let unacked = case
        .unacked()
        .filter(|bytes| *bytes > 0 && case.state() != State::Listen);
    let unacked = unacked.map_or_else(String::new, |bytes| {
        format!(", {} not acknowledged", Bytes(bytes.into()))
    });
    all.push(format!(
        "now: {}{age}{unread}{unacked}",
        state(case.state())
    ));
    all
}

fn never(evidence: &Evidence, verdict: Option<Verdict>) -> Vec<String> {
    // Unread is untold: the end waits behind what is not read.
    let unread = verdict == Some(Verdict::EofUnread);
    let untold = evidence.eof_delivered.is_none()
        && (unread || evidence.eof_deliveries == Some(0))
        && evidence.state == Some(State::CloseWait);
    let nothing = evidence.sent_since_fin_bytes == Some(0);
    part::some([
        untold.then(|| "nobody was told: no read has returned the end-of-stream".to_owned()),
        nothing.then(|| "nothing was sent since".to_owned()),
        evidence
            .sent_since_fin_bytes
            .filter(|bytes| *bytes > 0)
            .map(|bytes| format!("{} sent since", Bytes(bytes))),
    ])
}

fn over(evidence: &Evidence) -> Vec<String> {
    let retransmits = evidence.retransmits.filter(|times| *times > 0);
    let probes = evidence.probes.filter(|times| *times > 0);
    part::some([
        retransmits.map(|times| format!("{} without an answer", count(times, "retransmission"))),
        probes.map(|times| format!("{} without an answer", count(times, "probe"))),
        evidence
            .error_delivered
            .then(|| "it was told: a call has returned the error".to_owned()),
        evidence.error.map(|errno| {
            let error = std::io::Error::from_raw_os_error(errno.cast_signed());
            format!("not told: the error waits in the socket ({error})")
        }),
    ])
}

/// The other end, if it is on this host.
fn peer_state(case: &Case<'_, '_>) -> Option<String> {
    let network = case.connection.subject.network.as_ref()?;
    let at_look = network.connection.peer_state;
    let known = case.other_end.map(super::super::known::Connection::state);
    let peer = case.connection.subject.peer_process.as_ref();
    let who = peer.map_or_else(String::new, |peer| format!(", {},", process(peer)));
    known
        .or(at_look)
        .map(|is| format!("the other end{who} is on this host: {}", state(is)))
}
