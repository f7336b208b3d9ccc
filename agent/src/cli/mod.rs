//! The command line.

mod doctor;
mod events;
mod exec;
mod exit;
mod format;
mod generate;
mod hook_table;
mod kernel_args;
mod run;
mod runtime;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use exit::{Code, Failure};

use crate::process::stack::reader;

/// Finds TCP connections whose peer has hung up while the application has not noticed
#[derive(Debug, Parser)]
#[command(
    name = "finback",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not permitted, 4 the kernel lacks \
                  what is needed, 10 found something.\nFINBACK_LOG sets what is logged to standard error, for example FINBACK_LOG=debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow every TCP connection of this host and tell what happens to it (the daemon)
    Run(run::Run),
    /// Show what a running daemon sees, from now on
    Events(events::Events),
    /// Run a command, and fail if its processes leave connections unclosed
    Exec(exec::Exec),
    /// Say whether this host has all that is needed, and what is attached how
    Doctor(doctor::Doctor),
    /// Print files made from the program's own definitions
    Generate(generate::Generate),
    /// Read other users' programs for the daemon, which starts this
    #[command(hide = true, name = reader::COMMAND)]
    ReadPrograms,
}

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = match cli.command {
        Command::Run(run) => run.run(),
        Command::Events(events) => events.run(),
        Command::Exec(exec) => return exec.run().unwrap_or_else(|failure| refuse(&failure)),
        Command::Doctor(doctor) => doctor.run(),
        Command::Generate(generate) => generate.run(),
        Command::ReadPrograms => reader::main().map_err(Failure::from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(&failure),
    }
}

fn refuse(failure: &Failure) -> ExitCode {
    // Nothing can be done if even that cannot be said.
    drop(io::stderr().write_all(failure.lines().as_bytes()));
    failure.code.into()
}

fn log_to_stderr() {
    // The kernel programs' log has a switch of its own, --log-level: what they say is wanted.
    let filter = EnvFilter::try_from_env("FINBACK_LOG");
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn,finback::ebpf=trace"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .init();
}
