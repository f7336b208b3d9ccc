//! The command line.

mod doctor;
mod events;
mod exit;
mod explain;
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
                  what is needed, 10 something was found.\nFINBACK_LOG sets what is logged to standard error, for example FINBACK_LOG=debug."
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
    /// Say everything about a connection, a process or an incident: what is wrong with it, why, and what to do
    Explain(explain::Explain),
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
        Command::Run(run) => run.run().map(|()| ExitCode::SUCCESS),
        Command::Events(events) => events.run().map(|()| ExitCode::SUCCESS),
        Command::Explain(explain) => explain.run(),
        Command::Doctor(doctor) => doctor.run().map(|()| ExitCode::SUCCESS),
        Command::Generate(generate) => generate.run().map(|()| ExitCode::SUCCESS),
        Command::ReadPrograms => reader::main()
            .map(|()| ExitCode::SUCCESS)
            .map_err(Failure::from),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            // Nothing can be done if even that cannot be said.
            drop(io::stderr().write_all(failure.lines().as_bytes()));
            failure.code.into()
        }
    }
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
