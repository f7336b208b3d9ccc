//! Arguments that the commands which ask have in common.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::Failure;
use crate::cli::time_args::TimeArgs;
use crate::config::{Config, DEFAULT_HISTORY, DEFAULT_SOCKET, Flags};
use crate::filter::{Filter, FilterArgs};
use crate::history::Range;
use crate::output::json::Event;
use crate::source::{self, Choice, File, Source, Wanted};

/// Whom to ask.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct SourceArgs {
    /// The daemon's Unix socket
    #[arg(long, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,

    /// Do not ask a daemon that runs: look at the kernel now
    #[arg(long, conflicts_with = "input")]
    no_daemon: bool,

    /// Read what finback has written before, `-` for standard input: lines, a bundle, or a recording
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Thresholds and severities from this file instead of /etc/finback/finback.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SourceArgs {
    /// Whether lines that were saved are read: they say nothing of this host now.
    pub(in crate::cli) const fn is_file(&self) -> bool {
        self.input.is_some()
    }

    /// The configuration that was named.
    pub(in crate::cli) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Opens it; `unheld`: also sockets without a descriptor.
    pub(in crate::cli) fn open(&self, unheld: bool) -> Result<Source, Failure> {
        self.open_past(None, unheld)
    }

    /// What was told of what this selects, also if it is over. A file has its own past.
    pub(in crate::cli) fn remembered(
        &self,
        folder: &HistoryFolder,
        filter: &Filter,
    ) -> Result<Option<File>, source::Error> {
        if self.input.is_some() {
            return Ok(None);
        }
        let socket = (!self.no_daemon).then_some(&*self.socket);
        source::remembered(socket, &folder.history, filter)
    }

    /// The same for a part of the past.
    fn open_past(&self, past: Option<(Range, PathBuf)>, unheld: bool) -> Result<Source, Failure> {
        let config = Config::load(self.config.as_deref(), Flags::default())?;
        let choice = Choice {
            socket: self.socket.clone(),
            look: self.no_daemon,
            input: self.input.clone(),
            past,
        };
        Ok(Source::open(&choice, &config, unheld)?)
    }
}

/// Which lines, and whom to ask for them.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct QuestionArgs {
    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    source: SourceArgs,
}

impl QuestionArgs {
    /// Whom to ask.
    pub(in crate::cli) const fn source(&self) -> &SourceArgs {
        &self.source
    }

    /// Opens the source; what is wrong with the filter is said first.
    pub(in crate::cli) fn open(&self, unheld: bool) -> Result<Question, Failure> {
        self.ask(None, unheld)
    }

    /// The same for the past, if that is wanted.
    pub(super) fn open_past(&self, past: &PastArgs) -> Result<Question, Failure> {
        self.ask(past.range()?, false)
    }

    fn ask(&self, past: Option<(Range, PathBuf)>, unheld: bool) -> Result<Question, Failure> {
        let filter = self.filter.filter()?;
        Ok(Question {
            source: self.source.open_past(past, unheld)?,
            filter,
        })
    }
}

/// Which part of the past.
#[derive(Args, Clone, Debug)]
pub(super) struct PastArgs {
    #[command(flatten)]
    time: TimeArgs,

    #[command(flatten)]
    folder: HistoryFolder,
}

/// Where the past is kept.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct HistoryFolder {
    /// Where the history is, if no daemon answers
    #[arg(long, default_value = DEFAULT_HISTORY, value_name = "PATH")]
    history: PathBuf,
}

impl PastArgs {
    /// `None` for now.
    fn range(&self) -> Result<Option<(Range, PathBuf)>, Failure> {
        let range = self.time.range()?;
        Ok((!range.is_none()).then(|| (range, self.folder.history.clone())))
    }
}

/// A source, and the lines of it that are wanted.
#[derive(Debug)]
pub(in crate::cli) struct Question {
    source: Source,
    filter: Option<Filter>,
}

impl Question {
    /// Hands over each line that is wanted.
    pub(in crate::cli) fn each(
        &mut self,
        wanted: Wanted,
        take: &mut dyn FnMut(&Event<'_>) -> io::Result<()>,
    ) -> Result<(), source::Error> {
        let filter = self.filter.as_ref();
        self.source.each(wanted, &mut |event| {
            if filter.is_none_or(|filter| filter.selects(event)) {
                take(event)?;
            }
            Ok(())
        })
    }

    /// Hands over each line, whether it is wanted or not.
    pub(in crate::cli) fn each_of_all(
        &mut self,
        wanted: Wanted,
        take: &mut dyn FnMut(&Event<'_>) -> io::Result<()>,
    ) -> Result<(), source::Error> {
        self.source.each(wanted, take)
    }

    /// Who is asked.
    pub(in crate::cli) const fn source(&self) -> &Source {
        &self.source
    }
}
