//! `finback record`: the daemon, with everything that its engine is given written down.

use std::convert::Infallible;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::time::interval;

use super::exit::{Code, Failure};
use super::kernel_args::KernelArgs;
use super::runtime::runtime;
use crate::config::{self, Flags, HistoryArg, StateSet};
use crate::daemon::{self, Plan};
use crate::output::select::{Kind, Selection};
use crate::output::table::short;
use crate::recording::{Ending, Progress, SoFar, Wanted};

/// Less would not hold the first look at a large host.
const SMALLEST: u64 = 1 << 20;

/// How often is shown how far it is.
const SHOWN: Duration = Duration::from_secs(1);

/// Arguments of `finback record`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback record night.fbr                         until Ctrl-C, or until the file has 256 MiB
  finback record --duration 10m now.fbr            ten minutes
  finback record --select transition,finding all.fbr   changes of state, too: far more
  finback replay night.fbr                         what was told, again, on any machine

For a fault that cannot be watched while it happens, and for a report that finback has accused the wrong one or has said
nothing: what its engine was given is in the file, and it decides the same again. It is a daemon, which serves subscribers while it records; with another one running give it a socket of its own with
--socket. Stacks are not recorded. The file has addresses, command lines and names of users' programs in it: it is
readable by its owner only.")]
pub(super) struct Record {
    /// Write to this file, which is not there yet
    file: PathBuf,

    #[command(flatten)]
    kernel: KernelArgs,

    /// End before the file is larger than that
    #[arg(long, value_parser = size, default_value = "256MiB", value_name = "BYTES")]
    max_bytes: u64,

    /// End after so long, for example 500ms, 10s or 2m
    #[arg(long, value_parser = config::duration, value_name = "TIME")]
    duration: Option<Duration>,

    /// Which events: incident, finding, transition, connection, separated by commas
    ///
    /// What is not recorded cannot be told again.
    #[arg(long, default_value_t = usual(), value_name = "KINDS")]
    select: Selection,

    /// Transitions to these states [default: `established,close_wait,time_wait,closed`]
    #[arg(long, value_parser = config::states, value_name = "STATES")]
    states: Option<StateSet>,

    /// Listen on this Unix socket [default: /run/finback/finback.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

fn usual() -> Selection {
    Selection::of([Kind::Incident, Kind::Finding])
}

fn size(text: &str) -> Result<u64, String> {
    let bytes = config::bytes(text)?;
    if bytes < SMALLEST {
        return Err("use 1MiB or more".to_owned());
    }
    Ok(bytes)
}

impl Record {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let flags = Flags {
            states: self.states,
            socket: self.socket.clone(),
            history: Some(HistoryArg::Off),
            ..self.kernel.flags()
        };
        if flags.stacks {
            let what = "stacks cannot be recorded";
            return Err(Failure::new(Code::Usage, what, "leave out --stacks"));
        }
        let source = self.kernel.source(flags);
        let mut config = source.load()?;
        config.stacks = false;
        let wanted = self.wanted()?;
        let progress = Arc::clone(&wanted.progress);
        let plan = Plan {
            config,
            source,
            output: None,
            record: Some(wanted),
            duration: self.duration,
            log_level: self.kernel.log_level as u8,
        };
        let ended = runtime()?.block_on(async {
            tokio::select! {
                ended = daemon::run(plan) => ended,
                never = show(&progress) => match never {},
            }
        });
        let so_far = progress.so_far();
        if so_far.bytes == 0 {
            // It was made here, and nothing is in it.
            drop(fs::remove_file(&self.file));
        }
        ended?;
        sum_up(&self.file, &so_far)
    }

    fn wanted(&self) -> Result<Wanted, Failure> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600);
        let file = file.open(&self.file).map_err(|error| {
            let what = format!("cannot make {}: {error}", self.file.display());
            Failure::new(Code::Failed, what, "name a file that is not there yet")
        })?;
        Ok(Wanted {
            file: Arc::new(file),
            max_bytes: self.max_bytes,
            select: self.select,
            progress: Arc::default(),
        })
    }
}

/// Says on a terminal how far it is, for as long as this is waited for.
async fn show(progress: &Progress) -> Infallible {
    if !io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut tick = interval(SHOWN);
    loop {
        tick.tick().await;
        let line = format!("\r\x1b[Krecording: {}", told(&progress.so_far()));
        drop(io::stderr().write_all(line.as_bytes()));
    }
}

/// Size and time.
fn told(so_far: &SoFar) -> String {
    let tenths = (so_far.bytes * 10) >> 20;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    format!("{whole}.{tenth} MiB cover {}", short(so_far.duration()))
}

fn sum_up(file: &Path, so_far: &SoFar) -> Result<(), Failure> {
    let what = format!("{}: {}", file.display(), told(so_far));
    let reason = match &so_far.end {
        Some(Ok(Ending::Full)) => "; it has ended because the file may not be larger (--max-bytes)",
        Some(Ok(Ending::Asked)) | None => "",
        Some(Ok(Ending::Slow)) => {
            let what = format!("{what}; then the disk was slower than what was to be written");
            let help =
                "what is there can be replayed; record to a faster disk, or less with --select";
            return Err(Failure::new(Code::Failed, what, help));
        }
        Some(Err(error)) => {
            let what = format!("{what}; then it could not be written: {error}");
            return Err(Failure::new(
                Code::Failed,
                what,
                "what is there can be replayed",
            ));
        }
    };
    let clear = if io::stderr().is_terminal() {
        "\r\x1b[K"
    } else {
        ""
    };
    // Nobody is to be told that nobody can be told.
    drop(writeln!(io::stderr(), "{clear}{what}{reason}"));
    Ok(())
}
