//! How often the kernel programs ran, and how long.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use aya::Ebpf;
use finback_common::hook::Hook;

use super::attach::Programs;

/// One program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Its name.
    pub program: &'static str,
    /// How often it ran; 0 where the kernel does not account that (`kernel.bpf_stats_enabled`).
    pub count: u64,
    /// How long.
    pub time: Duration,
    /// Its hook was reached and it did not run, because it was running on that CPU already.
    pub missed: u64,
}

/// Of every attached program. One file per program is read.
pub(in crate::kernel) fn all(programs: &Programs) -> Vec<Runs> {
    let attached = programs.attached();
    attached
        .map(|hook| {
            let text = info(&programs.object, hook).unwrap_or_default();
            Runs {
                program: hook.program(),
                count: field(&text, "run_cnt:"),
                time: Duration::from_nanos(field(&text, "run_time_ns:")),
                missed: field(&text, "recursion_misses:"),
            }
        })
        .collect()
}

/// How often a hook's program did not run (since 5.12).
pub(super) fn missed(object: &Ebpf, hook: Hook) -> u64 {
    let text = info(object, hook).unwrap_or_default();
    field(&text, "recursion_misses:")
}

/// What the kernel says of a program.
fn info(object: &Ebpf, hook: Hook) -> Option<String> {
    let program = object.program(hook.program())?.fd().ok()?;
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    fs::read_to_string(path).ok()
}

pub(in crate::kernel) fn field(text: &str, name: &str) -> u64 {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names_and_are_0_where_the_kernel_has_none() {
        let text = "prog_type:\t26\nrun_time_ns:\t1250\nrun_cnt:\t5\nrecursion_misses:\t2\n";
        assert_eq!(field(text, "run_time_ns:"), 1250);
        assert_eq!(field(text, "run_cnt:"), 5);
        assert_eq!(field("prog_type:\t26\n", "recursion_misses:"), 0);
    }
}
