//! The project's tasks: `cargo xtask --help`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool for developers"
)]

mod accuracy;
mod agent;
mod apt;
mod arm64;
mod bench;
mod cross;
mod doctor;
mod failures;
mod fuzz;
mod install;
mod interrupt;
mod lint;
mod package;
mod parallel;
mod process;
mod runtimes;
mod soak;
mod stage;
mod strip;
mod summary;
mod table;
mod test;
mod timing;
mod toolchain;
mod vm;
mod workspace;
mod zoo;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up, builds, runs and tests finback.
///
/// Each command first does all set-up that is missing and says what it installs and why.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Does all set-up that is missing: the compiler and linker for the kernel programs.
    ///
    /// Takes, in this order: a nightly of rustup with its library source; a compiler of the distribution with its
    /// library source; on Debian and Ubuntu, as root, the distribution's packages. bpf-linker is built into the target
    /// directory for the LLVM of that compiler. Quick when nothing is missing.
    Setup(SetupArgs),
    /// Shows what is there and from where, and for what is missing the command that gets it.
    ///
    /// Changes nothing. The exit code is 1 if a build or a run would need set-up first.
    Doctor,
    /// Builds the kernel programs and the agent, and prints the path of the binary.
    Build(agent::BuildArgs),
    /// Builds the agent and runs `finback run` as root (through sudo if need be).
    ///
    /// Arguments go to `finback run`: `cargo xtask run -- --format json --duration 10s`. Signals and the exit code pass
    /// through; standard output carries only finback's.
    Run(agent::RunArgs),
    /// Boots Debian kernels in QEMU and runs the live tests, or a command, inside.
    ///
    /// QEMU, kernels and the guests' programs are Debian packages, fetched below the target directory, unpacked and kept
    /// there; nothing is installed. The exit code is the command's own: `cargo xtask vm --kernel 6.1 -- ss -tan`; 124 if a guest took too long, 125 if
    /// it died.
    Vm(vm::VmArgs),
    /// Runs everything that must hold: checks of the sources, unit and property tests, live tests, guests.
    ///
    /// Live tests attach to this machine's kernel and need root (or a sudo that asks nothing). A failing stage does not
    /// stop the later ones, a failing build does. The last line is `N passed, N failed, N skipped`; the exit code is 1
    /// if anything failed.
    Test(test::TestArgs),
    /// Plays real programs with known mistakes and counts what finback finds: per verdict found and expected, wrong
    /// verdict, wrong process, false alarms, delay.
    ///
    /// The programs' languages are installed first. The exit code is 1 unless everything was found, with the right
    /// process, and nothing else was. Needs root.
    Accuracy(accuracy::AccuracyArgs),
    /// Measures what finback costs beside what others cost: connections and throughput lost, CPU, records, memory,
    /// start, the look at 50,000 connections; in guests, instructions.
    ///
    /// Over loopback, loopback with receive steering, and two namespaces over veth. `tcplife` and `tcpstates` are fetched
    /// and run beside it. Takes about 15 minutes; changes of settings are put back, also after Ctrl-C. Needs root.
    Bench(bench::BenchArgs),
    /// Lets some forty services and ninety clients of Debian live their ordinary life beside finback, then provokes
    /// faults with the same programs: silence about the first, the right word about the second.
    ///
    /// For a night or before a release. The packages are fetched and unpacked below the target directory; everything
    /// runs in namespaces that end with this program. The exit code is 1 if anything was said that is not true of
    /// healthy software, or anything not that should have been. Needs root.
    Zoo(zoo::ZooArgs),
    /// Feeds every parser with anything, under libFuzzer: records, rows, `/proc`, filters, configuration, HTTP, files,
    /// programs of others.
    ///
    /// The targets and their seeds are in agent/fuzz. The first build takes some minutes; cargo-fuzz is built below the
    /// target directory, and inputs that lead somewhere new are kept there. The exit code is 1 if a fault was found.
    Fuzz(fuzz::FuzzArgs),
    /// Makes what people install, from a release build: .deb, .rpm, a static program, a container image, a chart.
    ///
    /// Everything goes to `package/dist` in the target directory, with sums and a bill of materials. The same commit
    /// gives the same bytes on every machine with the same compilers. What it needs is installed first.
    Package(package::PackageArgs),
    /// Checks what is linked in: licences, sources, duplicates, and known flaws where their database can be had.
    Audit,
    /// Builds kernel programs and agent for arm64, and runs the tests of common, core and of what is read from the kernel
    /// under an emulator.
    ///
    /// Adds the target to rustup's compiler, installs Debian's cross compiler, and fetches the emulator below the target
    /// directory.
    Arm64(arm64::Arm64Args),
    /// Plays thousands of short connections a second for an hour, with leaks planted and healed in the midst of them,
    /// beside a daemon with a subscriber and one without: memory and descriptors must not grow, every leak must be told.
    ///
    /// Builds a release. The exit code is 1 if a curve rises, a leak was not told, or something else was. Needs root.
    Soak(soak::SoakArgs),
    /// Checks the sources: repository rules, formatting, clippy (host and BPF), documentation.
    Lint,
}

#[derive(Debug, clap::Args)]
struct SetupArgs {
    /// Also what only tests need: linters, what runs the guests, and the languages of the scenario corpus.
    #[arg(long)]
    tests: bool,
}

fn setup(args: &SetupArgs) -> Result<()> {
    let found = toolchain::ensure()?;
    if args.tests {
        lint::ensure(&found)?;
        vm::fetch_tools()?;
        runtimes::ensure()?;
    }
    println!(
        "ready: kernel programs are built with rustc {} ({})",
        found.rustc_version, found.origin
    );
    Ok(())
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Setup(args) => setup(&args).map(|()| ExitCode::SUCCESS),
        Task::Doctor => Ok(ExitCode::from(u8::from(!doctor::run()))),
        Task::Build(args) => agent::build(&args).map(|()| ExitCode::SUCCESS),
        Task::Run(args) => agent::run(&args),
        Task::Vm(args) => vm::run(&args).map(|outcome| ExitCode::from(outcome.code)),
        Task::Test(args) => Ok(test::run(&args)),
        Task::Accuracy(args) => accuracy::run(&args),
        Task::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Zoo(args) => zoo::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Package(args) => package::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Audit => package::audit(),
        Task::Arm64(args) => arm64::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Soak(args) => soak::run(&args),
        Task::Lint => lint::run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
