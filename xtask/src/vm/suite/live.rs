//! The project's own guest tests: the kernel side's, then the live and the packet-exact tests once for each attach
//! flavour; and those that wait for the kernel's long timers.

use std::path::Path;

use anyhow::Result;

use crate::{
    vm::{
        debian::series::Series,
        image::{
            built::Built,
            initramfs::{GuestFile, Step},
        },
    },
    workspace,
};

const FLAVOURS: [&str; 3] = ["fentry", "kprobe", "tracepoint"];
/// What users have, and the one that knows minisocks only from looking for them.
const TIMED: [&str; 2] = ["auto", "tracepoint"];
/// Test targets of the package.
const HOOKS: &str = "kernel";
const LIVE: &str = "live";
const PACKET: &str = "packet";
const SCENARIOS: &str = "agent/tests/scenarios";

/// Builds test binaries and agent on the host; returns what must be copied into a guest. Copies
/// go to `dir`.
pub(crate) fn files(dir: &Path) -> Result<Vec<GuestFile>> {
    let targets = [HOOKS, LIVE, PACKET];
    let built = Built::new(dir, &targets)?;
    let mut files = vec![built.agent()?];
    for target in targets {
        files.push(built.test(target)?);
    }
    let scenarios = workspace::root().join(SCENARIOS);
    if scenarios.is_dir() {
        files.push(GuestFile {
            host: scenarios,
            guest: "/scenarios".into(),
        });
    }
    Ok(files)
}

/// The kernel side's tests choose flavours themselves; the others read theirs from their environment.
pub(crate) fn steps(series: Series) -> Vec<Step> {
    let mut steps = vec![Step::test("hooks", HOOKS, &[])];
    steps.extend(
        FLAVOURS
            .iter()
            .map(|flavour| step(series, flavour, LIVE, "real")),
    );
    // How a segment is taken differs between kernels, not between flavours.
    steps.push(step(series, FLAVOURS[0], PACKET, "real"));
    steps
}

/// The tests for which hours must pass.
pub(crate) fn timers(series: Series) -> Vec<Step> {
    let timed = |flavour: &&str| step(series, flavour, PACKET, "virtual");
    TIMED.iter().map(timed).collect()
}

fn step(series: Series, flavour: &str, binary: &str, time: &str) -> Step {
    let part = if flavour == FLAVOURS[0] {
        "all"
    } else {
        "flavour"
    };
    let env = [
        ("FINBACK_BIN", "/finback"),
        ("FINBACK_SCENARIOS", "/scenarios"),
        ("FINBACK_TEST_ATTACH", flavour),
        ("FINBACK_GUEST_KERNEL", &series.to_string()),
        ("FINBACK_TEST_TIME", time),
        ("FINBACK_TEST_PART", part),
    ];
    if binary == LIVE {
        Step::test(flavour, binary, &env)
    } else {
        Step::test(&format!("{flavour} {binary}"), binary, &env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(steps: &'a [Step], wanted: &str) -> Vec<&'a str> {
        steps
            .iter()
            .flat_map(|step| &step.env)
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    #[test]
    fn every_flavour_is_a_step_of_its_own() {
        let steps = steps("6.1".parse().unwrap());
        let attach = values(&steps, "FINBACK_TEST_ATTACH");
        assert_eq!(attach, [&FLAVOURS[..], &FLAVOURS[..1]].concat());
    }

    #[test]
    fn only_tests_of_timers_wait_for_hours() {
        let steps = timers("6.1".parse().unwrap());
        assert_eq!(
            values(&steps, "FINBACK_TEST_TIME"),
            ["virtual"; TIMED.len()]
        );
        assert!(steps.iter().all(|step| step.command == ["/packet"]));
    }
}
