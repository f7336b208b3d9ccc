//! Where answers come from: the daemon that runs, a look of one's own, or a file of lines.

mod daemon;
mod error;
mod file;
mod past;
mod tape;
mod wanted;

use std::path::PathBuf;

use crate::config::Config;
use crate::history::Range;
use crate::kernel::load::report::SnapshotReport;
use crate::survey::{Survey, Take};

pub use error::Error;
pub use past::remembered;
pub use wanted::Wanted;

pub use self::daemon::Daemon;
pub use self::file::File;

/// Which one to ask.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// Do not ask a daemon.
    pub look: bool,
    /// Lines that were saved.
    pub input: Option<PathBuf>,
    /// What was told of this part of the past, and where that is kept if no daemon runs.
    pub past: Option<(Range, PathBuf)>,
}

/// One that can be asked.
#[derive(Debug)]
pub enum Source {
    /// The daemon that runs.
    Daemon(Daemon),
    /// One look at the kernel.
    Look(Box<Survey>),
    /// Lines that were saved.
    File(File),
}

impl Source {
    /// Opens the one that was chosen; without a choice the daemon if one runs, else a look. `unheld` tells whether a look
    /// is to find sockets without a descriptor, too.
    pub fn open(choice: &Choice, config: &Config, unheld: bool) -> Result<Self, Error> {
        if let Some(path) = &choice.input {
            return File::open(path).map(Self::File);
        }
        if let Some((range, folder)) = &choice.past {
            return past::read(&choice.socket, range, folder).map(Self::File);
        }
        if !choice.look
            && let Some(daemon) = Daemon::find(&choice.socket)?
        {
            return Ok(Self::Daemon(daemon));
        }
        Ok(Self::Look(Box::new(Survey::take(config, unheld)?)))
    }

    /// Hands over each line.
    pub fn each(&mut self, wanted: Wanted, take: &mut Take<'_>) -> Result<(), Error> {
        match self {
            Self::Daemon(daemon) => daemon.each(wanted, take),
            Self::File(file) => file.each(wanted, take),
            Self::Look(survey) => {
                let told = match wanted {
                    Wanted::Sockets => survey.sockets(take),
                    Wanted::Findings => survey.findings(take),
                    Wanted::Incidents => survey.incidents(take),
                };
                told.map_err(Error::Output)
            }
        }
    }

    /// What it is and what it cannot know, in one line.
    pub fn describe(&self) -> String {
        match self {
            Self::Daemon(daemon) => format!("asked the daemon at {}", daemon.socket().display()),
            Self::File(file) => format!("read {}", file.path().display()),
            Self::Look(survey) => looked(survey.means()),
        }
    }

    /// What the daemon costs and what it has lost, in a few words.
    pub fn cost(&self) -> Option<String> {
        match self {
            Self::Daemon(daemon) => daemon.cost(),
            Self::Look(_) | Self::File(_) => None,
        }
    }

    /// Whether nobody has watched before.
    pub const fn is_one_look(&self) -> bool {
        matches!(self, Self::Look(_))
    }
}

fn looked(means: &SnapshotReport) -> String {
    match means {
        SnapshotReport::Iterator => "one look, without a daemon".to_owned(),
        SnapshotReport::Proc { reason } => {
            format!("one look through /proc, which shows no times ({reason})")
        }
    }
}
