//! What people try that will not help, and why.

use super::super::case::Case;
use crate::output::json::{State, Verdict};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let Some(verdict) = case.verdict() else {
        let time_wait = case.state() == State::TimeWait;
        return owned(if time_wait {
            &[FIN_TIMEOUT_TIME_WAIT]
        } else {
            &[]
        });
    };
    of(verdict, found_by_probes(case))
}

/// Of a verdict; `probed`: keep-alive has found it out.
pub(in super::super) fn of(verdict: Verdict, probed: bool) -> Vec<String> {
    owned(match verdict {
        Verdict::EofUnread
        | Verdict::EofNotRequested
        | Verdict::NotClosed
        | Verdict::Inherited
        | Verdict::EofSpin => &[FIN_TIMEOUT, TW_REUSE, KEEP_ALIVE, DESTROY, LIMIT],
        Verdict::NeverAccepted => &[BACKLOG, FIN_TIMEOUT, TW_REUSE, KEEP_ALIVE],
        Verdict::StalePooled => &[FIN_TIMEOUT, TW_REUSE, KEEP_ALIVE_POOL],
        Verdict::WriteAfterFin => &[
            "Checking the result of the write: it succeeds; the reset comes later.",
            TW_REUSE,
        ],
        Verdict::DeadOpen => &[
            "net.ipv4.tcp_fin_timeout, tcp_tw_reuse, keep-alive: the kernel is done with this connection, no timer of \
             it runs any more. Only the program can give the descriptor back.",
            "ss -K: there is nothing left to destroy, and it is in no table that ss reads.",
            LIMIT,
        ],
        Verdict::NeverReads => &[
            "Larger buffers (net.ipv4.tcp_rmem, SO_RCVBUF): they fill as well, later.",
            "Keep-alive: the peer is there and answers; it is this end that does not read.",
        ],
        Verdict::DeadPeer if probed => {
            &["net.ipv4.tcp_fin_timeout, tcp_tw_reuse: they concern what is closed here already."]
        }
        Verdict::DeadPeer => &[
            "Keep-alive: it does not probe while data waits for an acknowledgement; the retransmissions take its \
             place. TCP_USER_TIMEOUT bounds those.",
            "net.ipv4.tcp_fin_timeout, tcp_tw_reuse: they concern what is closed here already.",
        ],
        Verdict::PeerNotClosing => &[
            "net.ipv4.tcp_fin_timeout: it counts from the moment when the last descriptor is closed, and here one is \
             open.",
            "Keep-alive: the peer's kernel answers, so nothing ends.",
            TW_REUSE,
        ],
        Verdict::TimeWaitPressure => &[FIN_TIMEOUT_TIME_WAIT, RECYCLE, LIMIT],
    })
}

fn found_by_probes(case: &Case<'_, '_>) -> bool {
    let probes = case.evidence().and_then(|evidence| evidence.probes);
    probes.is_some_and(|probes| probes > 0)
}

fn owned(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

const FIN_TIMEOUT: &str = "net.ipv4.tcp_fin_timeout: it bounds FIN_WAIT2 at the end that has closed. CLOSE_WAIT has no \
     timer: it lasts until the program closes.";

const TW_REUSE: &str = "net.ipv4.tcp_tw_reuse: about TIME_WAIT, which comes after both ends have closed; this one never \
     gets there.";

const KEEP_ALIVE: &str = "Keep-alive (SO_KEEPALIVE, net.ipv4.tcp_keepalive_time): its probes ask whether the peer is \
     there. At best they are answered with a reset; then the socket is closed and the descriptor still open, where \
     not even ss shows it.";

const KEEP_ALIVE_POOL: &str = "Keep-alive of TCP: the server counts requests, not probes; its idle timeout runs all the \
     same.";

const DESTROY: &str = "ss -K: ends the connection, not the leak: the descriptor stays open until the program closes it.";

const LIMIT: &str = "A higher limit of descriptors (ulimit -n, LimitNOFILE=): moves the hour at which none is left.";

const BACKLOG: &str = "A longer accept queue (net.core.somaxconn, listen's backlog): it holds more connections that \
     nobody accepts.";

const FIN_TIMEOUT_TIME_WAIT: &str = "net.ipv4.tcp_fin_timeout: it is about FIN_WAIT2. The minute of TIME_WAIT is \
     compiled into the kernel.";

const RECYCLE: &str =
    "net.ipv4.tcp_tw_recycle: broke clients behind NAT and has been gone since Linux 4.12.";
