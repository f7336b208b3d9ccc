//! Faults: what breaks beside the daemon or under it, and whether it says only what is true afterwards.
//!
//! Runs as root. Short versions by default; `FINBACK_TEST_FULL=1` takes the counts of `docs/reliability.md`. After each
//! fault: no wrong finding, the table is the kernel's within 10 s, memory and descriptors are back at their level.

#[cfg(test)]
mod fault;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod half;
#[cfg(test)]
#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "the live tests need the rest of it")]
mod harness;
#[cfg(test)]
#[path = "../metrics/http.rs"]
mod http;
#[cfg(test)]
mod mounts;
#[cfg(test)]
mod part;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod usage;

use std::process::ExitCode;

use fault::{churn, descriptors, killed, memory, outputs, proc, stopped, tables};
use harness::{cgroup, daemon, netns, program, replay, ss, subject, traffic, trial};
use trial::alone;

fn main() -> ExitCode {
    if let Some(code) = part::act() {
        return code;
    }
    if soak::is_wanted() {
        return trial::run(vec![alone("soak", soak::soak)]);
    }
    trial::run(vec![
        alone("killed_under_load", killed::under_load),
        alone("stopped_for_a_minute", stopped::for_a_minute),
        alone("ring_of_one_page", tables::ring_of_one_page),
        alone("tables_full", tables::full),
        alone("accept_queues_full", tables::queues_full),
        alone("proc_hidden", proc::hidden),
        alone("no_bpffs", proc::no_bpffs),
        alone("disk_full", outputs::disk_full),
        alone("receivers_dead", outputs::receivers_dead),
        alone("receivers_hanging", outputs::receivers_hanging),
        alone("processes_by_the_hundred", churn::processes),
        alone("namespaces_by_the_hundred", churn::namespaces),
        alone("descriptors_of_one_process", descriptors::of_one_process),
        alone("own_descriptors_used_up", descriptors::own_used_up),
        alone("memory_limit", memory::limit),
    ])
}

/// The count of a run at length, or of a short one.
fn count<T>(full: T, short: T) -> T {
    if std::env::var_os("FINBACK_TEST_FULL").is_some() {
        full
    } else {
        short
    }
}
