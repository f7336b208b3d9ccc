//! What to do about it.

use std::borrow::Cow;

use super::runtime::{advice, runtime};
use crate::model::finding::{Evidence, Verdict};
use crate::model::peer::Peer;
use crate::model::process::Descriptors;
use crate::model::run::Halt;
use crate::model::socket::Role;
use crate::model::waiting::WaitState;

/// What a hint must fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) role: Role,
    /// Name of the process.
    pub(crate) comm: &'a str,
    pub(crate) evidence: &'a Evidence,
}

/// What is known of the process beside the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around {
    /// For `never_accepted`: who has the listener.
    pub(crate) listening: Listening,
    /// For `never_accepted`: its descriptors, if hardly any is left.
    pub(crate) used_up: Option<Descriptors>,
    /// It waits for an answer on a connection that it has opened.
    pub(crate) asks: bool,
}

/// Who has a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Listening {
    /// Whoever is meant to accept, as far as is known.
    #[default]
    Taken,
    /// Only a service manager, which holds it for others.
    NotTaken,
    /// Not whoever accepted last any more.
    Left,
}

/// As [`hint_around`], where nothing else is known.
pub(crate) fn hint(facts: Facts<'_>) -> String {
    hint_around(facts, Around::default())
}

/// For the role, never against the evidence, and in the words of the process's runtime if its name tells that.
pub(crate) fn hint_around(facts: Facts<'_>, around: Around) -> String {
    if let Some(halt) = facts.evidence.halted {
        return resume(halt).to_owned();
    }
    let general = general(facts, around);
    let client = matches!(facts.role, Role::Client);
    let own = runtime(facts.comm).and_then(|runtime| advice(runtime, facts.verdict, client));
    let asks = Some(BACKEND).filter(|_| around.asks && may_be_at_work(facts));
    let all = [Some(&*general), asks, own];
    let all: Vec<&str> = all.into_iter().flatten().collect();
    all.join(" ")
}

/// What a handler may be doing meanwhile.
const BACKEND: &str = "Its process waits for an answer on a connection that it has opened: if the handler of this one \
     does, it still waits for its backend and needs a deadline there.";

fn may_be_at_work(facts: Facts<'_>) -> bool {
    let idle = matches!(
        facts.verdict,
        Verdict::EofUnread | Verdict::EofNotRequested | Verdict::NotClosed
    );
    idle && facts.role == Role::Server
}

fn accept(around: Around) -> Cow<'static, str> {
    if let Some(Descriptors { open, limit }) = around.used_up {
        return Cow::from(format!(
            "{open} of its {limit} descriptors are in use, and accept fails when none is left (EMFILE): find what \
             keeps them open, or raise the limit (RLIMIT_NOFILE)."
        ));
    }
    Cow::from(match around.listening {
        Listening::Taken => {
            "The accept loop does not keep up or has stopped: look for a blocked acceptor, a worker limit that is \
             reached, too few free descriptors, or a process that has inherited the listener and never accepts."
        }
        Listening::NotTaken => {
            "Only a service manager holds the listener: the unit has not taken its socket. See why its service does \
             not start."
        }
        Listening::Left => {
            "Whoever accepted here has left: those that hold the listener now have inherited it and do not accept. \
             Close it there (SOCK_CLOEXEC), or start the server again."
        }
    })
}

fn linger(evidence: &Evidence) -> Cow<'static, str> {
    evidence.caused_by.map_or(Cow::from(DEADLINE), |cause| {
        Cow::from(format!("It waits because of finding {cause}: begin there."))
    })
}

const DEADLINE: &str = "After shutdown the kernel has no timer while the descriptor is open: set a deadline for the \
     peer's end and close.";

const fn resume(halt: Halt) -> &'static str {
    match halt {
        Halt::Stopped => {
            "The process is stopped by a signal or a debugger: let it go on (SIGCONT), or end it."
        }
        Halt::Frozen => "The process's control group is frozen: thaw it.",
        Halt::Dumping => "The process has crashed; its connections end when its core is written.",
    }
}

fn general(facts: Facts<'_>, around: Around) -> Cow<'static, str> {
    let Facts { role, evidence, .. } = facts;
    Cow::from(match facts.verdict {
        Verdict::NeverAccepted => return accept(around),
        Verdict::PeerNotClosing => return linger(evidence),
        Verdict::EofUnread => unread(role, evidence),
        Verdict::EofNotRequested => not_requested(role),
        Verdict::NotClosed if evidence.peer == Some(Peer::Gone) => {
            "Nobody is left at the other end: close the descriptor on every path that sees the end-of-stream, also \
             after errors."
        }
        Verdict::NotClosed => {
            "A read returned 0 and the descriptor stayed open: close it on every path that sees the \
             end-of-stream, also after errors, unless something is still to be sent."
        }
        Verdict::Inherited => {
            "The process that opened it is done, but a descriptor was passed on: set close-on-exec (SOCK_CLOEXEC, \
             accept4), and close what a forked child does not need."
        }
        Verdict::EofSpin => {
            "The end-of-stream was read and the loop asks again at once: leave the loop and close the descriptor, or \
             take it out of the event loop's set."
        }
        Verdict::WriteAfterFin => {
            "The peer had closed before the data was sent, so it is lost: check for the end-of-stream before a \
             connection is used again, and retry on a new one."
        }
        Verdict::StalePooled => pooled(evidence),
        Verdict::DeadOpen => dead(evidence),
        Verdict::NeverReads => {
            "The receive window is closed, so the peer cannot even hang up: look for a thread that is \
             blocked, or a connection without read interest."
        }
        Verdict::DeadPeer if evidence.probes.is_some() => {
            "Keep-alive has found it out; the kernel goes on probing before it gives up: fewer probes \
             (TCP_KEEPCNT) or TCP_USER_TIMEOUT end it sooner."
        }
        Verdict::DeadPeer => {
            "The kernel will wait for many minutes: set TCP_USER_TIMEOUT, or a deadline in the application."
        }
        Verdict::TimeWaitPressure => NO_PORTS,
    })
}

fn unread(role: Role, evidence: &Evidence) -> &'static str {
    let waits = evidence.waiting.map(|waiting| waiting.state);
    match (waits, role) {
        (Some(WaitState::EpollLevelReady | WaitState::EpollEdgeNotFetched), _) => {
            "An event loop has it and does not deal with the event: look for what keeps the loop's thread busy or \
             blocked, or for a handler that ignores the end."
        }
        (Some(WaitState::EpollReadNotAsked), _) => {
            "It is in an event loop without interest in reading: look for a limit or a back-pressure that is never \
             taken back."
        }
        (Some(WaitState::BlockedInSend), _) => {
            "A thread is blocked in sending on it: look for a peer that takes nothing, and set a deadline."
        }
        (_, Role::Server) => {
            "The receiving side is not being read: a handler may still be at work for a client that has gone, or it \
             is blocked, or an event loop has dropped the descriptor."
        }
        (_, Role::Client | Role::Unknown) => {
            "The receiving side is not being read: look for a thread that is blocked, an event loop that dropped \
             the descriptor, or an answer that was not read to its end."
        }
    }
}

const fn not_requested(role: Role) -> &'static str {
    match role {
        Role::Client => {
            "Everything was read but the next read, which would have returned 0, never came: check idle \
             connections for readability before reuse, or close them after the last response."
        }
        Role::Server | Role::Unknown => {
            "Everything was read but the next read, which would have returned 0, never came: read again after each \
             request, and close at the end-of-stream."
        }
    }
}

fn pooled(evidence: &Evidence) -> &'static str {
    if evidence.missing.is_empty() {
        return "The next request on it will fail or be retried: let the pool drop idle connections sooner than the \
             server does, or check them before use.";
    }
    "Either a pool keeps it and will notice at the next use (let it drop idle connections sooner than the server \
     does), or it was forgotten: a response that was not read or closed, a subscription that nobody reads."
}

const fn dead(evidence: &Evidence) -> &'static str {
    if evidence.error_delivered {
        "The error was returned and the descriptor stayed open: close it on every path, also after errors. ss and \
         /proc/net/tcp do not show it."
    } else if evidence.error.is_none() {
        "Nothing is left to be sent or received: close the descriptor. ss and /proc/net/tcp do not show it."
    } else {
        "No call on the descriptor has fetched the error: it is in no event loop and in no read. Close it; \
         ss and /proc/net/tcp do not show it."
    }
}

/// What to do when ports run out.
const NO_PORTS: &str = "Each connection keeps its local port for a minute after it was closed here; when all are \
     taken, connect fails (EADDRNOTAVAIL): keep connections open and use them again, or let the server close first. \
     A wider net.ipv4.ip_local_port_range helps for a while; net.ipv4.tcp_tw_reuse lets the kernel take such ports \
     again after a second (for loopback it does by default).";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(verdict: Verdict, role: Role, comm: &str, evidence: &Evidence) -> String {
        hint(Facts {
            verdict,
            role,
            comm,
            evidence,
        })
    }

    #[test]
    fn hints_know_the_runtime() {
        let none = Evidence::default();
        let hint = |verdict, comm| of(verdict, Role::Server, comm, &none);
        assert!(hint(Verdict::NotClosed, "python3.13").contains("In Python"));
        assert!(!hint(Verdict::NeverAccepted, "python3.13").contains("In Python"));
        assert!(!hint(Verdict::NotClosed, "nginx").contains(" In "));
    }

    #[test]
    fn a_server_gets_no_client_s_advice() {
        let none = Evidence::default();
        for verdict in Verdict::ALL {
            let hint = of(*verdict, Role::Server, "java", &none);
            let own = !matches!(verdict, Verdict::StalePooled | Verdict::WriteAfterFin);
            assert!(!own || !hint.contains("pool"), "{hint}");
            assert!(!hint.contains("response bodies"), "{hint}");
        }
    }

    #[test]
    fn a_hint_does_not_contradict_the_evidence() {
        let probed = Evidence {
            probes: Some(3),
            ..Evidence::default()
        };
        let hint = of(Verdict::DeadPeer, Role::Client, "app", &probed);
        assert!(hint.starts_with("Keep-alive has found it out"), "{hint}");
        let stopped = Evidence {
            halted: Some(Halt::Stopped),
            ..Evidence::default()
        };
        let hint = of(Verdict::EofUnread, Role::Server, "python3", &stopped);
        assert!(hint.contains("SIGCONT"), "{hint}");
    }
}
