//! Who holds it and who waits for it.

use super::super::case::Case;
use super::super::words::holder;
use super::part;
use crate::output::json::{Attribution, Halt, State, Verdict, WaitState};

/// Holders that are named one by one.
const SHOWN: usize = 8;

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let mut all: Vec<String> = case.holders().iter().take(SHOWN).map(holder).collect();
    let more = case.holders().len().saturating_sub(SHOWN);
    if more > 0 {
        all.push(format!("and {more} more descriptors"));
    }
    if all.is_empty() {
        all.push(nobody(case));
    }
    if case.verdict() == Some(Verdict::NeverAccepted) {
        all.push(
            "These hold the listener: what waits in an accept queue has no descriptor yet.".into(),
        );
    }
    all.extend(place(case));
    all.extend(
        case.process()
            .and_then(|process| attribution(process.attribution)),
    );
    all.extend(
        case.evidence()
            .and_then(|evidence| evidence.halted)
            .map(halted),
    );
    all.extend(
        case.waits()
            .map(|(state, thread)| waits(state, thread) + unaware(case)),
    );
    all
}

/// What it means for one that has not been told.
fn unaware(case: &Case<'_, '_>) -> &'static str {
    let nobody = matches!(case.waits(), Some((WaitState::NobodyWaits, _)));
    match case.verdict() {
        Some(Verdict::EofUnread | Verdict::EofNotRequested) if nobody => {
            " The program cannot notice until it reads by itself."
        }
        _ => "",
    }
}

fn nobody(case: &Case<'_, '_>) -> String {
    match case.state() {
        State::TimeWait => "No process: the kernel alone.",
        State::FinWait1 | State::FinWait2 | State::LastAck | State::Closing => {
            "No process: its last descriptor is closed, the kernel ends it."
        }
        State::Listen
        | State::SynSent
        | State::SynReceived
        | State::Established
        | State::CloseWait
        | State::Closed => {
            "No descriptor was found: it waits in an accept queue, is on its way in a message of a Unix socket, or may \
             not be looked at."
        }
    }
    .to_owned()
}

/// Command line, user and where it runs.
fn place(case: &Case<'_, '_>) -> Vec<String> {
    let subject = &case.connection.subject;
    let process = subject.process.as_ref();
    let line = process.and_then(|process| process.command_line.as_ref());
    let user = process.and_then(|process| process.user);
    let container = subject.container.as_ref().map(|container| &container.id);
    part::some([
        line.map(|line| format!("command line: {line}")),
        user.map(|user| format!("user: {}", user.id)),
        subject
            .cgroup
            .as_ref()
            .map(|path| format!("control group: {path}")),
        container.map(|id| format!("container: {id}")),
    ])
}

fn attribution(attribution: Attribution) -> Option<String> {
    let text = match attribution {
        Attribution::Connect => "It was seen to connect.",
        Attribution::Accept => "It was seen to accept it.",
        Attribution::Inherited => {
            "It did not open it: another process did, and passed a descriptor on."
        }
        Attribution::Holder | Attribution::Listener | Attribution::Unknown => return None,
    };
    Some(text.to_owned())
}

fn halted(halt: Halt) -> String {
    match halt {
        Halt::Stopped => "All of them are stopped by a signal or a debugger (state T).",
        Halt::Frozen => "Their control group is frozen.",
        Halt::Dumping => "Their core is being dumped.",
    }
    .to_owned()
}

/// Who waits on it, and what that means.
fn waits(state: WaitState, thread: Option<u32>) -> String {
    let who = thread.map_or_else(|| "A thread".to_owned(), |id| format!("Thread {id}"));
    match state {
        WaitState::BlockedInReceive => format!("{who} is blocked in a receive on it."),
        WaitState::BlockedInSend => {
            format!("{who} is blocked in sending on it, so it does not read: the peer takes nothing.")
        }
        WaitState::Blocked => format!("{who} is blocked in a call on it."),
        WaitState::EpollEdgeNotFetched => {
            "It is in epoll, edge-triggered; the event is there and nobody has called epoll_wait since: the loop is \
             busy or blocked."
                .to_owned()
        }
        WaitState::EpollLevelReady => {
            "It is in epoll, level-triggered and ready: told at every epoll_wait and ignored, or nobody calls \
             epoll_wait."
                .to_owned()
        }
        WaitState::EpollEdgeDelivered => {
            "It is in epoll, edge-triggered; the program has fetched the event and has not read since: it will not be \
             told again."
                .to_owned()
        }
        WaitState::EpollOneshotDelivered => {
            "It is in epoll, one-shot; the event was fetched and the registration never renewed.".to_owned()
        }
        WaitState::EpollIdle => "It is in epoll, and there is nothing to tell.".to_owned(),
        WaitState::SelectOrPoll => {
            "A thread is in select or poll with it, for something that has not come.".to_owned()
        }
        WaitState::IoUring => "A request of io_uring waits for it.".to_owned(),
        WaitState::EpollReadNotAsked => {
            "It is in epoll, but not for reading: read interest is switched off (back-pressure?).".to_owned()
        }
        WaitState::Other => "Something else waits for it.".to_owned(),
        WaitState::NobodyWaits => {
            "Nobody waits for it: no thread is blocked on it, and it is in no epoll."
                .to_owned()
        }
    }
}
