//! Whether the processes that hold a socket can run at all.

use std::fs;

use rustc_hash::FxHashMap;

use crate::kernel::cgroup;
use crate::lossy;
use finback_core::model::look::{Snapshot, SocketView};
use finback_core::model::run::Halt;
use finback_core::model::socket::Holder;
use finback_core::model::state::TcpState;

/// Processes that one look asks about at most: each costs three short files.
const PROCESSES: usize = 256;

/// Says it of those sockets that may be in trouble.
pub(super) fn mark(snapshot: &mut Snapshot) {
    let mut known = FxHashMap::default();
    for view in snapshot.sockets.iter_mut().filter(|view| matters(view)) {
        view.halted = all_halted(view, &mut known);
    }
}

fn matters(view: &SocketView) -> bool {
    let ended = matches!(
        view.state,
        TcpState::CloseWait | TcpState::Closed | TcpState::FinWait2
    );
    let open = matches!(view.state, TcpState::Established | TcpState::FinWait1);
    let counters = view.counters.filter(|_| open);
    ended || counters.is_some_and(|c| c.unread > 0 && c.window == Some(0))
}

/// Why, if none of those that could act on it can.
fn all_halted(view: &SocketView, known: &mut FxHashMap<u32, Option<Halt>>) -> Option<Halt> {
    let holders: &[Holder] = match &view.queued {
        Some(queued) => &queued.listeners,
        None => &view.holders,
    };
    let mut why = None;
    for holder in holders {
        let pid = holder.process.id.pid;
        if known.len() >= PROCESSES && !known.contains_key(&pid) {
            return None;
        }
        why = Some((*known.entry(pid).or_insert_with(|| of_process(pid)))?);
    }
    why
}

fn of_process(pid: u32) -> Option<Halt> {
    let status = lossy::read(format!("/proc/{pid}/status")).ok()?;
    in_status(&status).or_else(|| is_frozen(pid).then_some(Halt::Frozen))
}

pub(super) fn in_status(status: &str) -> Option<Halt> {
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
    if field("CoreDumping:").is_some_and(|value| value.trim() == "1") {
        return Some(Halt::Dumping);
    }
    let stopped = field("State:").is_some_and(|state| state.trim().starts_with(['T', 't']));
    stopped.then_some(Halt::Stopped)
}

/// Its control group (version 2) or one above it.
fn is_frozen(pid: u32) -> bool {
    let events = cgroup::path_of(pid).map(|group| format!("/sys/fs/cgroup{group}/cgroup.events"));
    let events = events.and_then(|path| fs::read_to_string(path).ok());
    events.is_some_and(|events| events.lines().any(|line| line == "frozen 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_halted_by_what_its_status_says() {
        let status =
            |state, dumping| format!("Name:\ta\nState:\t{state}\nCoreDumping:\t{dumping}\n");
        assert_eq!(in_status(&status("S (sleeping)", 0)), None);
        assert_eq!(in_status(&status("T (stopped)", 0)), Some(Halt::Stopped));
        assert_eq!(
            in_status(&status("t (tracing stop)", 0)),
            Some(Halt::Stopped)
        );
        assert_eq!(in_status(&status("D (disk sleep)", 1)), Some(Halt::Dumping));
    }

    #[test]
    fn this_process_runs() {
        assert_eq!(of_process(std::process::id()), None);
    }
}
