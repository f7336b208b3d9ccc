//! The project's own guest tests: the kernel side's, then the live and the packet-exact tests once for each attach
//! flavour; and those that wait for the kernel's long timers.

use std::path::Path;

use anyhow::Result;

use crate::{
    vm::{
        debian::{arch::Arch, series::Series},
        image::{
            built::Built,
            initramfs::{GuestFile, Step},
        },
    },
    workspace,
};

use super::{kind::ALL, matrix::Cell};

/// Test targets of the package.
const HOOKS: &str = "kernel";
const LIVE: &str = "live";
const PACKET: &str = "packet";
const SCENARIOS: &str = "agent/tests/scenarios";

/// Builds test binaries and agent on the host; returns what must be copied into a guest. Copies
/// go to `dir`.
pub(crate) fn files(arch: Arch, dir: &Path) -> Result<Vec<GuestFile>> {
    let targets = [HOOKS, LIVE, PACKET];
    let built = Built::new(arch, dir, &targets)?;
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
pub(crate) fn steps(cell: &Cell) -> Vec<Step> {
    let mut steps = vec![Step::test("hooks", HOOKS, &[])];
    for (index, flavour) in cell.flavours.iter().enumerate() {
        let part = if index == 0 && cell.whole {
            "all"
        } else {
            "flavour"
        };
        let mut env = environment(cell.series, flavour, "real").to_vec();
        env.push(("FINBACK_TEST_PART", part.to_owned()));
        steps.push(Step::test(flavour, LIVE, &env));
    }
    // How a segment is taken differs between kernels, not between flavours.
    steps.push(packet(cell.series, ALL[0], "real"));
    steps
}

/// The tests for which hours must pass.
pub(crate) fn timers(cell: &Cell) -> Vec<Step> {
    let flavours = cell.flavours.iter();
    flavours
        .map(|flavour| packet(cell.series, flavour, "virtual"))
        .collect()
}

fn packet(series: Series, flavour: &str, time: &str) -> Step {
    let label = format!("{flavour} {PACKET}");
    Step::test(&label, PACKET, &environment(series, flavour, time))
}

fn environment(series: Series, flavour: &str, time: &str) -> [(&'static str, String); 5] {
    [
        ("FINBACK_BIN", "/finback".to_owned()),
        ("FINBACK_SCENARIOS", "/scenarios".to_owned()),
        ("FINBACK_TEST_ATTACH", flavour.to_owned()),
        ("FINBACK_GUEST_KERNEL", series.to_string()),
        ("FINBACK_TEST_TIME", time.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::suite::kind::Suite;

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
        let steps = steps(&Cell::full(Suite::Live, Series::Latest));
        let attach = values(&steps, "FINBACK_TEST_ATTACH");
        assert_eq!(attach, [&ALL[..], &ALL[..1]].concat());
        let part = values(&steps, "FINBACK_TEST_PART");
        assert_eq!(part, ["all", "flavour", "flavour"]);
    }

    #[test]
    fn only_tests_of_timers_wait_for_hours() {
        let steps = timers(&Cell::full(Suite::Timers, Series::Latest));
        assert_eq!(values(&steps, "FINBACK_TEST_TIME"), ["virtual"; 2]);
        assert!(steps.iter().all(|step| step.command == ["/packet"]));
    }
}
