//! The project's own guest tests: the kernel side's, then the live and the packet-exact tests once for each attach
//! flavour.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{process, toolchain, workspace};

use super::{
    initramfs::{GuestFile, Step},
    output,
    series::Series,
};

const FLAVOURS: [&str; 3] = ["fentry", "kprobe", "tracepoint"];
/// With virtual time: what users have, and the one that knows minisocks only from looking for them.
const TIMED: [&str; 2] = ["auto", "tracepoint"];
const PACKAGE: &str = "finback";
/// Test targets of the package.
const HOOKS: &str = "kernel";
const LIVE: &str = "live";
const PACKET: &str = "packet";
const SCENARIOS: &str = "agent/tests/scenarios";

/// Builds test binary and agent on the host; returns what must be copied into a guest. Copies
/// go to `dir`.
pub(super) fn build(dir: &Path) -> Result<Vec<GuestFile>> {
    output::note("building the guest tests");
    toolchain::ensure()?;
    let built = workspace::cargo()
        .args(["test", "--no-run", "--package", PACKAGE])
        .args(["--test", HOOKS, "--test", LIVE, "--test", PACKET])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(built.status.success(), "the guest tests do not build");
    let messages = String::from_utf8(built.stdout)?;
    let mut files = Vec::new();
    let targets = [
        ("test", HOOKS),
        ("test", LIVE),
        ("test", PACKET),
        ("bin", PACKAGE),
    ];
    for (kind, name) in targets {
        let host = executable(&messages, kind, name);
        let host = host.with_context(|| format!("cargo built no {kind} `{name}`"))?;
        let host = without_debug_info(&host, &dir.join(format!("{kind}-{name}")))?;
        files.push(GuestFile {
            host,
            guest: format!("/{name}"),
        });
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

/// A guest's memory holds all its files, and unpacking them takes time: a sixth is left of a
/// development build. Panics still name their place.
fn without_debug_info(host: &Path, copy: &Path) -> Result<PathBuf> {
    let Some(strip) = process::find("strip") else {
        return Ok(host.to_owned());
    };
    let mut command = Command::new(strip);
    process::output(command.arg("--strip-debug").arg("-o").arg(copy).arg(host))?;
    Ok(copy.to_owned())
}

/// The kernel side's tests choose flavours themselves; the others read theirs from their environment.
///
/// With virtual time there are only the tests that wait for the kernel's long timers: emulation that counts
/// instructions is too slow for the others.
pub(super) fn steps(series: Series, virtual_time: bool) -> Vec<Step> {
    let step = |label: &str, binary: &str, env: &[(&str, &str)]| Step {
        label: label.to_owned(),
        command: vec![format!("/{binary}")],
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        is_test: true,
    };
    let series = series.to_string();
    let live = |flavour: &str, binary: &str| {
        let time = if virtual_time { "virtual" } else { "real" };
        let part = if flavour == FLAVOURS[0] {
            "all"
        } else {
            "flavour"
        };
        let env = [
            ("FINBACK_BIN", "/finback"),
            ("FINBACK_SCENARIOS", "/scenarios"),
            ("FINBACK_TEST_ATTACH", flavour),
            ("FINBACK_GUEST_KERNEL", &series),
            ("FINBACK_TEST_TIME", time),
            ("FINBACK_TEST_PART", part),
        ];
        let label = if binary == LIVE {
            flavour.to_owned()
        } else {
            format!("{flavour} {binary}")
        };
        step(&label, binary, &env)
    };
    if virtual_time {
        return TIMED.iter().map(|name| live(name, PACKET)).collect();
    }
    let mut steps = vec![step("hooks", HOOKS, &[])];
    steps.extend(FLAVOURS.iter().map(|flavour| live(flavour, LIVE)));
    // How a segment is taken differs between kernels, not between flavours.
    steps.push(live(FLAVOURS[0], PACKET));
    steps
}

/// The file that cargo reports for a target (`cargo build --message-format json`).
fn executable(messages: &str, kind: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["kind"][0] == kind && message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_of_the_right_target_is_found() {
        let messages = r#"Compiling
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"live"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"finback"},"executable":"/t/finback"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"live"},"executable":"/t/deps/live-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "test", "live"),
            Some("/t/deps/live-1".into())
        );
        assert_eq!(
            executable(messages, "bin", "finback"),
            Some("/t/finback".into())
        );
        assert_eq!(executable(messages, "test", "other"), None);
    }

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
        let steps = steps("6.1".parse().unwrap(), false);
        let attach = values(&steps, "FINBACK_TEST_ATTACH");
        assert_eq!(attach, [&FLAVOURS[..], &FLAVOURS[..1]].concat());
    }

    #[test]
    fn only_tests_of_timers_have_virtual_time() {
        let steps = steps("6.1".parse().unwrap(), true);
        assert_eq!(
            values(&steps, "FINBACK_TEST_TIME"),
            ["virtual"; TIMED.len()]
        );
        assert!(steps.iter().all(|step| step.command == ["/packet"]));
    }
}
