//! What a finding says to a human: one sentence, and what to do about it.

mod hint;
mod runtime;

use std::fmt::Write as _;
use std::time::Duration;

pub(crate) use self::hint::{Around, Facts, Listening, hint, hint_around};
use super::case::missing;
use crate::model::finding::{Confidence, Finding, PortUse, Verdict};
use crate::model::run::Halt;
use crate::model::socket::{Endpoints, Owner, Process};
use crate::model::state::TcpState;

/// One sentence: who, what, whose peer, since when.
pub(crate) fn summary(
    finding: &Finding,
    owner: Option<&Owner>,
    opener: Option<&Owner>,
    endpoints: Endpoints,
) -> String {
    let mut who = who(finding, owner, opener);
    if let Some(halt) = finding.evidence.halted {
        append(&mut who, format_args!(", which {},", halted(halt)));
    }
    let peer = endpoints.peer;
    let age = since(finding);
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
        Verdict::TimeWaitPressure => who,
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

/// Said first of what explains it.
const fn halted(halt: Halt) -> &'static str {
    match halt {
        Halt::Stopped => "is stopped (T)",
        Halt::Frozen => "is frozen",
        Halt::Dumping => "is dumping its core",
    }
}

/// How long the condition has lasted, in words. From one look alone only the least is known, or nothing.
fn since(finding: &Finding) -> String {
    let lasted = lasted(finding);
    if !finding.evidence.missing.contains(&missing::HISTORY) {
        return age(lasted);
    }
    if lasted.is_zero() {
        "an unknown time".to_owned()
    } else {
        format!("at least {}", age(lasted))
    }
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
        Some(TcpState::Closed) => "has answered with a reset",
        _ => "has not acknowledged them",
    };
    let bytes = finding.evidence.written_bytes.unwrap_or_default();
    let peer = endpoints.peer;
    format!("{who} wrote {bytes} bytes to {peer}, which had hung up {age} ago and {answer}")
}

fn dead(finding: &Finding, who: &str, endpoints: Endpoints, age: &str) -> String {
    let evidence = &finding.evidence;
    let ended = ended(evidence.error);
    let peer = endpoints.peer;
    if evidence.error_delivered {
        format!(
            "{who} has been told that its connection with {peer} {ended}, and keeps it {age} later"
        )
    } else if evidence.error.is_none() {
        format!(
            "{who} keeps the descriptor of its connection with {peer}, which both sides have ended"
        )
    } else {
        format!("{who} has not noticed that its connection with {peer} {ended} {age} ago")
    }
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
    format!("{who} keeps an idle connection that {peer} ended {age} ago{others}")
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
}
