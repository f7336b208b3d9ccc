//! The evidence of a finding in words: all of it.

use std::fmt::{self, Display};
use std::time::Duration;

use super::word::{Human, word};
use crate::output::json::{Endpoint, Evidence, PortUse};

/// Everything that was seen, without what was not.
pub(super) struct Proof<'a>(pub(super) &'a Evidence);

impl Display for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = self.0;
        let parts = [passed(evidence), bytes(evidence), kernel(evidence)];
        let parts = parts.into_iter().chain([end(evidence), who(evidence)]);
        let all: Vec<String> = parts.flatten().collect();
        f.write_str(&all.join(", "))
    }
}

/// Those that are there.
fn some<const N: usize>(parts: [Option<String>; N]) -> Vec<String> {
    parts.into_iter().flatten().collect()
}

fn human(ns: u64) -> Human {
    Human(Duration::from_nanos(ns))
}

fn passed(evidence: &Evidence) -> Vec<String> {
    let threshold = Some(evidence.threshold_ns).filter(|ns| *ns > 0);
    some([
        threshold.map(|ns| format!("threshold {}", human(ns))),
        evidence.port_use.map(ports),
        evidence
            .still_since
            .map(|since| format!("still since {}", since.clock())),
        evidence
            .suspended_ns
            .map(|ns| format!("suspended for {} of it", human(ns))),
    ])
}

fn ports(used: PortUse) -> String {
    let Endpoint { address, port } = used.peer;
    format!(
        "{} of {} local ports toward {address} port {port} in TIME_WAIT, {} more a minute",
        used.time_wait, used.local_ports, used.time_wait_per_minute
    )
}

fn bytes(evidence: &Evidence) -> Vec<String> {
    let unread = evidence.unread_bytes;
    let hole = evidence.fin_behind_hole;
    some([
        unread.map(|bytes| format!("{bytes} B unread (the FIN counts as one)")),
        hole.then(|| "a FIN behind a hole".to_owned()),
        evidence
            .unacked_bytes
            .map(|bytes| format!("{bytes} B unacknowledged")),
        evidence
            .sent_since_fin_bytes
            .map(|bytes| format!("{bytes} B sent since the FIN")),
        evidence
            .written_bytes
            .map(|bytes| format!("{bytes} B written after it")),
        evidence
            .written
            .map(|moment| format!("last sent at {}", moment.clock())),
    ])
}

fn kernel(evidence: &Evidence) -> Vec<String> {
    let error = evidence.error.map(|errno| {
        let name = std::io::Error::from_raw_os_error(errno.cast_signed());
        format!("error {name}")
    });
    some([
        evidence
            .window_bytes
            .map(|bytes| format!("receive window {bytes} B")),
        evidence
            .retransmits
            .map(|times| format!("{times} retransmissions unanswered")),
        evidence.backoff.map(|times| format!("back-off {times}")),
        evidence
            .probes
            .map(|times| format!("{times} probes unanswered")),
        error,
        evidence
            .error_delivered
            .then(|| "error delivered".to_owned()),
    ])
}

fn end(evidence: &Evidence) -> Vec<String> {
    let deliveries = evidence.eof_deliveries;
    some([
        deliveries.map(|times| format!("end-of-stream delivered {times} times")),
        evidence
            .eof_delivered
            .map(|moment| format!("at first at {}", moment.clock())),
        evidence.eof_pid.map(|pid| format!("to process {pid}")),
        evidence.peer.map(|peer| format!("peer {}", word(peer))),
    ])
}

fn who(evidence: &Evidence) -> Vec<String> {
    let accepted = evidence.accepted.map(|accepted| {
        let word = if accepted {
            "accepted"
        } else {
            "never accepted"
        };
        word.to_owned()
    });
    let wait = evidence.wait_state.map(|wait| match evidence.wait_thread {
        Some(thread) => format!("{} (thread {thread})", word(wait)),
        None => word(wait),
    });
    some([
        evidence.halted.map(word),
        wait,
        accepted,
        evidence
            .accept_queue
            .map(|queue| format!("{queue} in the accept queue")),
        evidence
            .pooled
            .map(|others| format!("{others} such in its pool")),
        evidence.relays_for.map(|ends| {
            let Endpoint { address, port } = ends.peer;
            format!("carries on for {address} port {port}")
        }),
        evidence
            .caused_by
            .map(|finding| format!("caused by #{finding}")),
    ])
}
