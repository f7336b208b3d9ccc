//! `finback replay`: what a recording tells, again.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Code, Failure};
use super::format::FormatArg;
use super::lines::{Heard, Lines};
use crate::filter::{Filter, FilterArgs};
use crate::output::json;
use crate::output::select::Selection;
use crate::recording::{self, Player};

/// So much is written at once.
const CHUNK_BYTES: usize = 64 << 10;

const NAME_ONE: &str = "name what `finback record` has written";

/// Arguments of `finback replay`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback replay night.fbr                         what was told when it was recorded
  finback replay --select incident night.fbr       incidents only
  finback replay night.fbr verdict eof_unread      findings of one kind
  finback replay --format json night.fbr | jq .    the same lines that a subscriber has got
  finback explain --input night.fbr '#12'          a page about one of them; so do findings, incidents and bundle

Needs no privileges and asks nothing of this machine.")]
pub(super) struct Replay {
    /// What `finback record` has written
    file: PathBuf,

    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,

    /// Which events: incident, finding, transition, connection, separated by commas
    #[arg(long, default_value_t = Selection::stream(), value_name = "KINDS")]
    select: Selection,

    #[command(flatten)]
    filter: FilterArgs,
}

impl Replay {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let filter = self.filter.filter()?;
        let bytes = fs::read(&self.file).map_err(|error| self.unreadable(&error))?;
        let (beginning, entries) = recording::open(&bytes)?;
        let mut player = Player::new(beginning, self.select);
        let mut out = Out {
            lines: Lines::to_stdout(self.format.resolve())?,
            filter,
            chunk: Vec::new(),
            written: Ok(()),
        };
        out.put(&player.greeting());
        for entry in entries {
            match entry {
                Ok(entry) => player.take(entry, &mut |event| out.put(event)),
                Err(broken) => {
                    out.write()?;
                    return Err(recording::Error::from(broken).into());
                }
            }
            if out.chunk.len() >= CHUNK_BYTES && out.write()? == Heard::No {
                return Ok(());
            }
        }
        out.write().map(|_| ())
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let what = format!("cannot read {}: {error}", self.file.display());
        if error.kind() == io::ErrorKind::PermissionDenied {
            let help = "a recording can be read by its owner: copy it as that one";
            return Failure::new(Code::NotPermitted, what, help);
        }
        Failure::new(Code::Failed, what, NAME_ONE)
    }
}

/// Lines that pass, on their way to standard output.
struct Out {
    lines: Lines,
    filter: Option<Filter>,
    chunk: Vec<u8>,
    written: io::Result<()>,
}

impl Out {
    fn put(&mut self, event: &json::Event<'_>) {
        let filter = self.filter.as_ref();
        if filter.is_none_or(|filter| filter.passes(event)) && self.written.is_ok() {
            self.written = json::write_line(event, &mut self.chunk);
        }
    }

    fn write(&mut self) -> Result<Heard, Failure> {
        std::mem::replace(&mut self.written, Ok(()))?;
        let heard = self.lines.write(&self.chunk)?;
        self.chunk.clear();
        Ok(heard)
    }
}

impl From<recording::Error> for Failure {
    fn from(error: recording::Error) -> Self {
        let help = match error {
            recording::Error::NoRecording => NAME_ONE,
            recording::Error::Version(_) => "replay it with that version",
            recording::Error::Broken(_) => {
                "what comes before was told; was it cut off, or copied before it had ended?"
            }
        };
        Self::new(Code::Failed, &error, help)
    }
}
