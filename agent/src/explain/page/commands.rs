//! The lines to check it by hand, with these numbers. Only numbers and addresses of the kernel stand in them: names are
//! other people's, and who copies a line must not run them.

use std::net::SocketAddr;

use super::super::case::Case;
use super::super::runtime::Runtime;
use crate::output::json::{State, Verdict};

/// Holders whose descriptors are shown.
const HOLDERS: usize = 2;

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let mut all: Vec<String> = case
        .connection
        .ends()
        .map(|ends| ss(case, ends))
        .into_iter()
        .collect();
    let holders = case.holders().iter().take(HOLDERS);
    all.extend(holders.map(|holder| format!("lsof -nP -a -p {} -d {}", holder.pid, holder.fd)));
    all.extend(
        case.pid()
            .filter(|_| case.finding().is_some())
            .and_then(|pid| process(case, pid)),
    );
    all
}

/// The socket's row; of one that is closed, that there is none.
fn ss(case: &Case<'_, '_>, (local, peer): (SocketAddr, SocketAddr)) -> String {
    let enter = enter(case);
    match case.state() {
        State::Listen => format!("{enter}ss -tlnpe '( sport = :{} )'", local.port()),
        State::Closed => format!(
            "{enter}ss -tanpe '( sport = :{} and dport = :{} )'  # no row: it is in no table any more",
            local.port(),
            peer.port()
        ),
        State::SynSent
        | State::SynReceived
        | State::Established
        | State::CloseWait
        | State::LastAck
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::TimeWait => format!("{enter}ss -tanpeoim src {local} dst {peer}"),
    }
}

/// Into the network namespace of its process.
fn enter(case: &Case<'_, '_>) -> String {
    match case.pid() {
        Some(pid) if case.elsewhere() => format!("nsenter -t {pid} -n "),
        _ => String::new(),
    }
}

/// What its threads do.
fn process(case: &Case<'_, '_>, pid: u32) -> Option<String> {
    if case.verdict() == Some(Verdict::StalePooled) {
        return None;
    }
    if let Some((_, Some(thread))) = case.waits() {
        return Some(format!(
            "cat /proc/{pid}/task/{thread}/stack  # where thread {thread} sleeps in the kernel"
        ));
    }
    Some(match case.runtime() {
        Runtime::Java => format!("jstack {pid}"),
        Runtime::Python => format!("py-spy dump --pid {pid}"),
        Runtime::Ruby => format!("rbspy dump --pid {pid}"),
        Runtime::Php => format!("phpspy --limit=1 -p {pid}"),
        Runtime::Node => format!("kill -USR1 {pid}  # opens the inspector on 127.0.0.1:9229"),
        Runtime::Go | Runtime::Native => {
            format!("gdb -p {pid} -batch -ex 'thread apply all bt'  # stops it for a moment")
        }
    })
}
