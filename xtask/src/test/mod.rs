//! `cargo xtask test`: every check and every test.

pub(crate) mod binaries;

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::stage::{self, Report, Verdict};
use crate::summary::Summary;
use crate::{lint, process, runtimes, toolchain, vm, workspace};
use binaries::TestBinary;

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Only tests whose name contains this, and none of the checks of the sources.
    filter: Option<String>,
    /// No virtual machines: they take the longest, and fetch kernels the first time.
    #[arg(long)]
    no_guests: bool,
}

/// Runs everything and prints, as the last line, `N passed, N failed, N skipped`.
///
/// What goes wrong is a failure of its stage, never an error of this function.
pub(crate) fn run(args: &TestArgs) -> ExitCode {
    let mut report = Report::default();
    stages(args, &mut report);
    ExitCode::from(u8::from(!report.finish()))
}

fn stages(args: &TestArgs, report: &mut Report) {
    let mut toolchain = None;
    report.check("set-up", || {
        toolchain = Some(toolchain::ensure()?);
        Ok(Verdict::Passed)
    });
    let Some(toolchain) = toolchain else { return };

    let mut built = Vec::new();
    let builds = report.check("build", || {
        built = binaries::build()?;
        Ok(Verdict::Passed)
    });
    // Everything that follows would only repeat the compiler's errors.
    if !builds {
        return;
    }
    let filter = args.filter.as_deref();
    if filter.is_none() {
        lint::checks(report, &toolchain);
    }
    let (live, unit): (Vec<_>, Vec<_>) = built.into_iter().partition(TestBinary::needs_root);
    for binary in &unit {
        report.stage(&format!("tests of {}", binary.name()), || {
            stage::tests(binary.command().args(filter))
        });
    }
    report.stage("tests in documentation", || {
        stage::tests(
            workspace::cargo()
                .args(["test", "--quiet", "--workspace", "--doc", "--"])
                .args(filter),
        )
    });
    report.stage("live tests on this kernel", || live_tests(&live, filter));
    if args.no_guests || filter.is_some() {
        report.check("guests", || {
            Ok(Verdict::Skipped("left out as asked".to_owned()))
        });
    } else {
        report.stage("guests", || guests(&vm::VmArgs::all()));
    }
}

/// Live tests attach to the kernel: as root, or through a sudo that asks nothing.
fn live_tests(live: &[TestBinary], filter: Option<&str>) -> Result<Summary> {
    if live.len() != binaries::LIVE.len() {
        let wanted = binaries::LIVE.join(", ");
        bail!("of the test targets {wanted} there are {}", live.len());
    }
    let sudo = !process::is_root();
    if sudo && process::output(Command::new("sudo").args(["-n", "true"])).is_err() {
        bail!(
            "they need root, and sudo is not there or asks for a password: run `sudo -v` first, or test as root"
        );
    }
    let mut sum = Summary::default();
    if live.iter().any(TestBinary::needs_runtimes) {
        runtimes::ensure()?;
    }
    for binary in live {
        let mut command = if sudo {
            binary.command_with_sudo()
        } else {
            binary.command()
        };
        sum += stage::tests(command.args(filter))?;
    }
    Ok(sum)
}

/// The live tests again, on every supported kernel, and what only guests have: corpus and timers.
fn guests(args: &vm::VmArgs) -> Result<Summary> {
    let vm::Outcome { counts, code } = vm::run(args)?;
    Ok(counts.at_least_exit(code == 0))
}
