//! `finback kill`: destroys sockets, after it has said what that will do.

mod chosen;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;

pub(super) use self::chosen::Chosen;
use super::exit::{Code, Failure, quietly};
use super::format::FormatArg;
use super::rate::{Pace, Rate};
use crate::kernel::netns::destroy::{Destroyer, Outcome};
use crate::kill::{self, Plan, Target};
use crate::output::clock::Time;
use crate::output::feed::Format;
use crate::output::json::{self, Body, DestroyResult, Destroyed, Event};

/// Arguments of `finback kill`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback kill state close-wait and pid = 4711         what would be destroyed, and what the program will feel
  finback kill --yes state close-wait and pid = 4711   do it
  finback kill --yes --rate 10/s dport = :5432         ten a second, so that not all reconnect at once
  finback kill all                                     every socket, if you really mean it

Without --yes nothing is changed. Exactly the sockets that are listed are destroyed, in every network namespace: each is
known by its cookie, so that one that has taken its addresses meanwhile is left alone. With --format json the dry run
prints `socket` lines, and --yes one line of type `destroyed` for each; a running daemon tells the same as a `transition`
to `closed` with the cause `destroyed`.

The descriptor stays with the process until it closes it: this frees port, buffers and peer, and does not cure \"too many
open files\".")]
pub(super) struct Kill {
    /// Which sockets; `all` must be spelt out
    #[arg(required = true, value_name = "FILTER")]
    filter: Vec<String>,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// Destroy so many a second at most
    #[arg(long, default_value_t = Rate::default(), value_name = "N/s")]
    rate: Rate,

    /// Listeners, too: a service without its listener is gone
    #[arg(long)]
    listeners: bool,

    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,
}

impl Kill {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let text = self.filter.join(" ");
        let format = self.format.resolve();
        Chosen::find(&text, self.listeners)?.with(|plan, destroyer| {
            quietly(self.announce(plan, &text, format))?;
            if !self.yes {
                return Ok(());
            }
            let run = Run::new(&text, format, plan.targets.len());
            run.carry_out(plan, destroyer, self.rate)
        })
    }

    /// Says what will be done, and, in a dry run, that nothing was.
    fn announce(&self, plan: &Plan<'_>, filter: &str, format: Format) -> io::Result<()> {
        let mut text = String::new();
        kill::write(plan, filter, &mut text).map_err(io::Error::other)?;
        if !self.yes && !plan.targets.is_empty() {
            text.push_str("\nThis was a dry run, nothing has changed: --yes does it.\n");
        }
        match format {
            Format::Text(_) => io::stdout().lock().write_all(text.as_bytes()),
            Format::Json => {
                if !self.yes {
                    let mut lines = Vec::new();
                    for target in &plan.targets {
                        json::write_line(target.event, &mut lines)?;
                    }
                    io::stdout().lock().write_all(&lines)?;
                }
                let refused = plan.refused.iter();
                let refused = refused
                    .map(|(why, count)| format!("not destroyed: {count} {}\n", why.reason()));
                let refused: String = refused.collect();
                io::stderr().lock().write_all(refused.as_bytes())
            }
        }
    }
}

/// Sockets are being destroyed.
struct Run<'a> {
    filter: &'a str,
    format: Format,
    user: u32,
    all: usize,
    progress: bool,
    done: usize,
    gone: usize,
    failed: Vec<Outcome>,
}

impl<'a> Run<'a> {
    fn new(filter: &'a str, format: Format, all: usize) -> Self {
        Self {
            filter,
            format,
            user: user(),
            all,
            progress: io::stderr().is_terminal(),
            done: 0,
            gone: 0,
            failed: Vec::new(),
        }
    }

    fn carry_out(
        mut self,
        plan: &Plan<'_>,
        destroyer: &mut Destroyer,
        rate: Rate,
    ) -> Result<(), Failure> {
        let mut pace = Pace::new(rate);
        for target in &plan.targets {
            pace.wait();
            let outcome = destroyer.destroy(target.cookie);
            quietly(self.tell(target, outcome))?;
        }
        quietly(self.conclude())?;
        self.verdict()
    }

    fn tell(&mut self, target: &Target<'_>, outcome: Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Destroyed => self.done += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::NotPermitted | Outcome::Failed(_) => self.failed.push(outcome),
        }
        tracing::info!(cookie = target.cookie, ?outcome, "socket destroyed");
        if let Format::Json = self.format {
            let mut line = Vec::new();
            json::write_line(&self.event(target, outcome), &mut line)?;
            io::stdout().lock().write_all(&line)?;
        }
        if self.progress {
            let told = self.done + self.gone + self.failed.len();
            write!(io::stderr(), "\r{told} of {}", self.all)?;
        }
        Ok(())
    }

    fn event<'t>(&'t self, target: &Target<'t>, outcome: Outcome) -> Event<'t> {
        let (result, error) = match outcome {
            Outcome::Destroyed => (DestroyResult::Destroyed, None),
            Outcome::Gone => (DestroyResult::Gone, None),
            Outcome::NotPermitted => (DestroyResult::NotPermitted, None),
            Outcome::Failed(errno) => (DestroyResult::Failed, Some(errno)),
        };
        Event {
            time: Time::now(),
            body: Body::Destroyed {
                subject: target.subject.clone(),
                destroyed: Destroyed {
                    result,
                    error,
                    filter: self.filter.into(),
                    by_pid: std::process::id(),
                    by_user: self.user,
                },
            },
            ..*target.event
        }
    }

    fn conclude(&self) -> io::Result<()> {
        if self.progress && self.all > 0 {
            writeln!(io::stderr(), "\r")?;
        }
        if let Format::Json = self.format {
            return Ok(());
        }
        let mut text = format!("\nDestroyed {} of {}", self.done, self.all);
        if self.gone > 0 {
            let gone = write!(text, "; {} had ended by themselves", self.gone);
            gone.map_err(io::Error::other)?;
        }
        text.push('\n');
        io::stdout().lock().write_all(text.as_bytes())
    }

    fn verdict(&self) -> Result<(), Failure> {
        let Some(first) = self.failed.first() else {
            return Ok(());
        };
        let count = self.failed.len();
        if let Outcome::Failed(errno) = first {
            let why = io::Error::from_raw_os_error(errno.cast_signed());
            return Err(Failure::new(
                Code::Failed,
                format!("{count} of {} sockets were not destroyed: {why}", self.all),
                "--format json says which",
            ));
        }
        Err(Failure::new(
            Code::NotPermitted,
            format!("{count} of {} sockets may not be destroyed", self.all),
            "run as root in the host's user namespace: CAP_NET_ADMIN counts only there",
        ))
    }
}

/// Who is behind this process: `sudo` changes the user id, not who has logged in.
fn user() -> u32 {
    let login = fs::read_to_string("/proc/self/loginuid");
    let login = login.ok().and_then(|text| text.trim().parse().ok());
    login
        .filter(|id| *id != u32::MAX)
        .unwrap_or_else(|| rustix::process::getuid().as_raw())
}
