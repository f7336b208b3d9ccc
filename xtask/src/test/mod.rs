//! `cargo xtask test`: every check and every test.

pub(crate) mod binaries;
mod changes;
mod programs;

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::arm64::{self, Arm64Args};
use crate::stage::{self, Report, Verdict};
use crate::summary::Summary;
use crate::timing::{Follower, Source};
use crate::vm::Matrix;
use crate::{fuzz, lint, package, process, runtimes, toolchain, vm, workspace};
use binaries::TestBinary;
use changes::KernelSide;

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Only tests whose name contains this, and none of the checks of the sources.
    filter: Option<String>,
    /// No virtual machines: they take the longest, and fetch kernels the first time.
    #[arg(long)]
    no_guests: bool,
    /// Every flavour on every kernel, by default so much of it as the change asks for; faults at length, every parser under
    /// the fuzzer for a minute (as in CI), the build for arm64 with its emulated tests, and the package in a Debian guest.
    #[arg(long, conflicts_with = "no_guests")]
    full: bool,
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
            let (mut command, watch) = binary.timed();
            programs::name(binary, &mut command);
            stage::tests(command.args(filter), watch)
        });
    }
    report.stage("tests in documentation", || {
        stage::tests(
            workspace::cargo()
                .args(["test", "--quiet", "--workspace", "--doc", "--"])
                .args(filter),
            Follower::start("documentation", Source::Unknown),
        )
    });
    live_tests(&live, filter, args.full, report);
    if (args.full || is_ci()) && filter.is_none() {
        report.stage("fuzz", fuzz::for_a_minute);
    }
    if args.full && filter.is_none() {
        report.check("arm64", || {
            arm64::run(&Arm64Args::default()).map(|()| Verdict::Passed)
        });
    }
    if filter.is_none() {
        package::stage(report, args.full);
    }
    if args.no_guests || filter.is_some() {
        report.check("guests", || {
            Ok(Verdict::Skipped("left out as asked".to_owned()))
        });
    } else {
        report.stage("guests", || guests(args.full));
    }
}

/// Live tests attach to the kernel: as root, or through a sudo that asks nothing. Without its runtimes only the corpus
/// has failed.
fn live_tests(live: &[TestBinary], filter: Option<&str>, full: bool, report: &mut Report) {
    let possible = report.check("live tests: what they need", || {
        can_attach(live).map(|()| Verdict::Passed)
    });
    if !possible {
        return;
    }
    for binary in live {
        report.stage(&format!("live tests of {}", binary.name()), || {
            if binary.needs_runtimes() {
                runtimes::ensure()?;
            }
            let mut command = if process::is_root() {
                binary.command()
            } else {
                binary.command_with_sudo()
            };
            if full {
                command.env("FINBACK_TEST_FULL", "1");
            }
            stage::tests(command.args(filter), binary.follower())
        });
    }
}

fn can_attach(live: &[TestBinary]) -> Result<()> {
    if live.len() != binaries::LIVE.len() {
        let wanted = binaries::LIVE.join(", ");
        bail!("of the test targets {wanted} there are {}", live.len());
    }
    if !process::is_root() && process::output(Command::new("sudo").args(["-n", "true"])).is_err() {
        bail!(
            "they need root, and sudo is not there or asks for a password: run `sudo -v` first, or test as root"
        );
    }
    Ok(())
}

/// The live tests again, on other kernels, and what only guests have: their corpus and the timers.
fn guests(full: bool) -> Result<Summary> {
    let matrix = if full {
        Matrix::Full
    } else {
        let side = changes::kernel_side();
        let matrix = matrix(&side, is_ci());
        println!("{side}: {}", said(matrix));
        matrix
    };
    let vm::Outcome { counts, code } = vm::run(&vm::VmArgs::all(matrix))?;
    Ok(counts.at_least_exit(code == 0))
}

/// Whether this is nobody's own machine.
fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// How much a change asks for. CI has less time than a developer who waits for one result.
const fn matrix(side: &KernelSide, ci: bool) -> Matrix {
    match (side, ci) {
        (KernelSide::Differs(..), false) => Matrix::Full,
        (KernelSide::Differs(..), true) => Matrix::Ends,
        (KernelSide::Same(_) | KernelSide::Unknown, _) => Matrix::Pairs,
    }
}

const fn said(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Pairs => "each kernel with one or two flavours (all: --full)",
        Matrix::Ends => "the oldest kernel and the newest with every flavour (all: --full)",
        Matrix::Full => "every kernel with every flavour",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_of_the_kernel_side_asks_for_more() {
        let differs = KernelSide::Differs("main".to_owned(), "ebpf/src/main.rs".to_owned());
        assert_eq!(matrix(&differs, false), Matrix::Full);
        assert_eq!(matrix(&differs, true), Matrix::Ends);
        for side in [KernelSide::Same("main".to_owned()), KernelSide::Unknown] {
            assert_eq!(matrix(&side, false), Matrix::Pairs);
        }
    }
}
