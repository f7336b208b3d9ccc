//! The command line.

mod exit;
mod generate;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use exit::{Code, Failure};

/// Finds TCP connections whose peer has hung up while the application has not noticed
#[derive(Debug, Parser)]
#[command(
    name = "finback",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not permitted, 4 the kernel lacks \
                  what is needed.\nFINBACK_LOG sets what is logged to standard error, for example FINBACK_LOG=debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print files made from the program's own definitions
    Generate(generate::Generate),
}

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = match cli.command {
        Command::Generate(generate) => generate.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be done if even that cannot be said.
            drop(io::stderr().write_all(failure.lines().as_bytes()));
            failure.code.into()
        }
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("FINBACK_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .init();
}
