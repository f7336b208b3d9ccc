//! What a finding says to a human: one sentence, and what to do about it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::model::finding::{Confidence, Evidence, Finding, PortUse, Verdict};
use crate::model::socket::{Endpoints, Owner, Process};
use crate::model::state::TcpState;

/// One sentence: who, what, whose peer, since when.
pub(crate) fn summary(
    finding: &Finding,
    owner: Option<&Owner>,
    opener: Option<&Owner>,
    endpoints: Endpoints,
) -> String {
    let who = who(finding, owner, opener);
    let peer = endpoints.peer;
    let age = age(lasted(finding));
    let mut text = match finding.verdict {
        Verdict::EofUnread => {
            format!("{who} has not read the end-of-stream that {peer} sent {age} ago")
        }
        Verdict::EofNotRequested => format!(
            "{who} read the last data from {peer} together with its end-of-stream and has not read again; \
             {peer} hung up {age} ago"
        ),
        Verdict::NotClosed => {
            format!("{who} has not closed the connection that {peer} ended {age} ago")
        }
        Verdict::NeverAccepted => format!(
            "{who} has not accepted the connection from {peer} to port {}, which hung up {age} ago",
            endpoints.local.port()
        ),
        Verdict::Inherited => inherited(&who, opener, endpoints, &age),
        Verdict::EofSpin => format!(
            "{who} reads the end-of-stream from {peer} over and over, {} times in {age}",
            finding.evidence.eof_deliveries.unwrap_or_default()
        ),
        Verdict::WriteAfterFin => written(finding, &who, endpoints, &age),
        Verdict::StalePooled => pooled(finding, &who, endpoints, &age),
        Verdict::DeadOpen => dead(finding, &who, endpoints, &age),
        Verdict::NeverReads => format!(
            "{who} has left {} bytes from {peer} unread for {age}",
            finding.evidence.unread_bytes.unwrap_or_default()
        ),
        Verdict::DeadPeer => format!("{who} waits for {peer}, which does not answer any more"),
        Verdict::PeerNotClosing => format!(
            "{who} has ended its side of the connection with {peer}, which has sent neither data nor its end for \
             {age}"
        ),
        Verdict::CloseWaitGrowth | Verdict::TimeWaitPressure => who,
    };
    if let (Verdict::NotClosed, Some(told)) = (finding.verdict, finding.evidence.eof_delivered) {
        text.push_str(", though a read has told it so");
        if let Some(fin) = finding.half_closed_since {
            append(
                &mut text,
                format_args!(" {} later", self::age(told.since(fin))),
            );
        }
    }
    if finding.confidence == Confidence::Likely {
        append(
            &mut text,
            format_args!(
                " (likely; not seen: {})",
                finding.evidence.missing.join(", ")
            ),
        );
    }
    text
}

/// How long the condition has lasted.
fn lasted(finding: &Finding) -> Duration {
    let evidence = &finding.evidence;
    let still = evidence.observed.zip(evidence.still_since);
    finding
        .half_closed
        .or_else(|| still.map(|(observed, since)| observed.since(since)))
        .unwrap_or_default()
}

fn written(finding: &Finding, who: &str, endpoints: Endpoints, age: &str) -> String {
    let answer = match finding.evidence.state {
        Some(TcpState::Closed) => "answered with a reset",
        _ => "had not acknowledged them",
    };
    let bytes = finding.evidence.written_bytes.unwrap_or_default();
    let peer = endpoints.peer;
    format!(
        "{who} wrote {bytes} bytes to {peer}, which had hung up and {answer} {age} after its end-of-stream"
    )
}

fn dead(finding: &Finding, who: &str, endpoints: Endpoints, age: &str) -> String {
    let ended = ended(finding.evidence.error);
    let peer = endpoints.peer;
    format!("{who} has not noticed that its connection with {peer} {ended} {age} ago")
}

/// By its errno.
const fn ended(error: Option<u32>) -> &'static str {
    match error {
        Some(32 | 104) => "was reset",
        Some(110) => "timed out",
        Some(103) => "was destroyed",
        _ => "broke",
    }
}

fn inherited(who: &str, opener: Option<&Owner>, endpoints: Endpoints, age: &str) -> String {
    let peer = endpoints.peer;
    let opener = opener.map_or_else(
        || "another process".to_owned(),
        |opener| format!("{} (pid {})", opener.process.comm, opener.process.id.pid),
    );
    format!(
        "{who} holds a descriptor inherited from {opener}, which has left it; it keeps the connection alive that \
         {peer} ended {age} ago"
    )
}

fn pooled(finding: &Finding, who: &str, endpoints: Endpoints, age: &str) -> String {
    let peer = endpoints.peer;
    let others = match finding.evidence.pooled {
        None | Some(0 | 1) => String::new(),
        Some(n) => format!(", one of {n} such connections"),
    };
    format!("{who} keeps an idle connection that {peer} closed {age} ago{others}")
}

/// One sentence about a process whose half-closed connections become more and more.
pub(crate) fn growth(process: &Process, evidence: &Evidence) -> String {
    let mut text = format!(
        "{} (pid {}) has {} connections that their peers have ended, {} more every minute",
        process.comm,
        process.id.pid,
        evidence.close_wait.unwrap_or_default(),
        evidence.close_wait_per_minute.unwrap_or_default(),
    );
    match (evidence.most_common_peer, evidence.most_common_port) {
        (Some(peer), Some(port)) if peer.port() == 0 => {
            append(
                &mut text,
                format_args!("; most are with {} on port {port}", peer.ip()),
            );
        }
        (Some(peer), _) => append(&mut text, format_args!("; most are with {peer}")),
        (None, _) => {}
    }
    text
}

/// One sentence about a process whose connections in TIME_WAIT use up the local ports.
pub(crate) fn pressure(process: &Process, port_use: PortUse) -> String {
    let PortUse {
        peer,
        time_wait: count,
        time_wait_per_minute: _,
        local_ports: ports,
    } = port_use;
    format!(
        "{} (pid {}) has {count} connections to {peer} in TIME_WAIT, which take {} % of the {ports} local ports that \
         connections to it can have",
        process.comm,
        process.id.pid,
        u64::from(count) * 100 / u64::from(ports.max(1)),
    )
}

fn append(text: &mut String, more: std::fmt::Arguments<'_>) {
    if text.write_fmt(more).is_err() {
        // Writing to a string only fails if a `Display` does; those of the standard library do not.
        text.push('…');
    }
}

fn who(finding: &Finding, owner: Option<&Owner>, opener: Option<&Owner>) -> String {
    let Some(owner) = owner else {
        return opener.map_or_else(
            || "An unknown process".to_owned(),
            |opener| {
                let process = &opener.process;
                format!(
                    "A process without a visible descriptor (opened by {}, pid {})",
                    process.comm, process.id.pid
                )
            },
        );
    };
    let process = &owner.process;
    let pid = process.id.pid;
    let descriptors: Vec<String> = finding
        .holders
        .iter()
        .filter(|holder| holder.process.id == process.id)
        .map(|holder| holder.fd.to_string())
        .collect();
    let fd = if descriptors.is_empty() {
        String::new()
    } else if finding.verdict == Verdict::NeverAccepted {
        format!(", listening on fd {}", descriptors.join(" and "))
    } else {
        format!(", fd {}", descriptors.join(" and "))
    };
    let others = finding.holders.len() - descriptors.len();
    let others = match others {
        0 => String::new(),
        1 => ", with one more holder".to_owned(),
        n => format!(", with {n} more holders"),
    };
    format!("{} (pid {pid}{fd}{others})", process.comm)
}

/// "0.4 s", "12 s", "3 min", "2 h".
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, age.subsec_millis() / 100),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// What to do about it, in the words of the process's runtime if its name tells that.
pub(crate) fn hint(verdict: Verdict, comm: &str) -> String {
    let general = match verdict {
        Verdict::EofUnread => {
            "The receiving side is not being read: look for a thread that is blocked, an event loop that dropped \
             the descriptor, or a connection that was put aside without read interest."
        }
        Verdict::EofNotRequested => {
            "Everything was read but the next read, which would have returned 0, never came: check idle \
             connections for readability before reuse, or close them after the last response."
        }
        Verdict::NotClosed => {
            "A read returned 0 and the descriptor stayed open: close it on every path that sees the \
             end-of-stream, also after errors."
        }
        Verdict::NeverAccepted => {
            "The accept loop does not keep up or has stopped: look for a blocked acceptor, a worker limit that \
             is reached, or too few free descriptors."
        }
        Verdict::Inherited => {
            "The process that opened it is done, but a descriptor was passed on: set close-on-exec (SOCK_CLOEXEC, \
             accept4), and close what a forked child does not need."
        }
        Verdict::EofSpin => {
            "A read returned 0 and the loop asks again at once: leave the loop and close the descriptor, or take \
             it out of the event loop's set."
        }
        Verdict::WriteAfterFin => {
            "The peer had closed before the data was sent, so it is lost: check for the end-of-stream before a \
             connection is used again, and retry on a new one."
        }
        Verdict::StalePooled => {
            "The next request on it will fail or be retried: let the pool drop idle connections sooner than the \
             server does, or check them before use."
        }
        Verdict::DeadOpen => {
            "No call on the descriptor has fetched the error: it is in no event loop and in no read. Close it; \
             ss and /proc/net/tcp do not show it."
        }
        Verdict::NeverReads => {
            "The receive window is closed or closing, so the peer cannot even hang up: look for a thread that is \
             blocked, or a connection without read interest."
        }
        Verdict::DeadPeer => {
            "The kernel will wait for many minutes: set TCP_USER_TIMEOUT or keep-alive, or a deadline in the \
             application."
        }
        Verdict::PeerNotClosing => {
            "After shutdown the kernel has no timer while the descriptor is open: set a deadline for the peer's \
             end and close."
        }
        Verdict::CloseWaitGrowth => LEAKS,
        Verdict::TimeWaitPressure => NO_PORTS,
    };
    let own = runtime(comm).and_then(|runtime| advice(runtime, verdict));
    own.map_or_else(|| general.to_owned(), |own| format!("{general} {own}"))
}

/// What to do about connections of a process that become more and more.
const LEAKS: &str = "Connections are leaked: until the descriptors run out, look at the findings of the \
     single connections for the place where they are lost.";

/// What to do when ports run out.
const NO_PORTS: &str = "Each connection keeps its local port for a minute after it was closed here; when all are \
     taken, connect fails (EADDRNOTAVAIL): keep connections open and use them again, or let the server close first. \
     A wider net.ipv4.ip_local_port_range helps for a while; net.ipv4.tcp_tw_reuse lets the kernel take such ports \
     again after a second (for loopback it does by default).";

#[derive(Clone, Copy)]
enum Runtime {
    Java,
    Python,
    Node,
    Php,
    Ruby,
}

fn runtime(comm: &str) -> Option<Runtime> {
    [
        ("java", Runtime::Java),
        ("python", Runtime::Python),
        ("gunicorn", Runtime::Python),
        ("uwsgi", Runtime::Python),
        ("node", Runtime::Node),
        ("php", Runtime::Php),
        ("ruby", Runtime::Ruby),
        ("puma", Runtime::Ruby),
    ]
    .into_iter()
    .find(|(prefix, _)| comm.starts_with(prefix))
    .map(|(_, runtime)| runtime)
}

const fn advice(runtime: Runtime, verdict: Verdict) -> Option<&'static str> {
    if matches!(
        verdict,
        Verdict::NeverAccepted | Verdict::Inherited | Verdict::EofSpin | Verdict::TimeWaitPressure
    ) {
        return None;
    }
    Some(match runtime {
        Runtime::Java => {
            "In Java: close response bodies and streams (try-with-resources), and let the pool evict idle connections."
        }
        Runtime::Python => {
            "In Python: use `with` for sockets, responses and sessions; a response that is not read to its end \
             keeps its connection."
        }
        Runtime::Node => {
            "In Node.js: handle 'end' and 'close' and call destroy(); allowHalfOpen leaves the closing to you."
        }
        Runtime::Php => {
            "In PHP: persistent streams and handles outlive the request; close or limit them."
        }
        Runtime::Ruby => {
            "In Ruby: use the block forms (TCPSocket.open, Net::HTTP.start), which close on the way out."
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        assert_eq!(age(Duration::from_millis(450)), "0.4 s");
        assert_eq!(age(Duration::from_secs(12)), "12 s");
        assert_eq!(age(Duration::from_mins(3)), "3 min");
        assert_eq!(age(Duration::from_hours(2)), "2 h");
    }

    #[test]
    fn hints_know_the_runtime() {
        assert!(hint(Verdict::NotClosed, "python3.13").contains("In Python"));
        assert!(!hint(Verdict::NeverAccepted, "python3.13").contains("In Python"));
        assert!(!hint(Verdict::NotClosed, "nginx").contains(" In "));
    }
}
