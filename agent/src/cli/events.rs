//! `finback events`: the daemon's stream, from now on or from the past.

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Code, Failure};
use super::format::FormatArg;
use super::lines::Lines;
use super::runtime::runtime;
use super::stream_filter::StreamFilterArgs;
use super::time_args::TimeArgs;
use crate::client;
use crate::config::{Config, DEFAULT_HISTORY, DEFAULT_SOCKET, Flags};
use crate::filter::Filter;
use crate::history::{self, Range};
use crate::output::json::Event;
use crate::output::select::Selection;

/// Arguments of `finback events`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback events                               what the running daemon sees, as text
  finback events --select incident | jq -c .   incidents only, as JSON; costs the daemon nothing
  finback events --select connection           one line for each connection, at its end
  finback events verdict eof_unread            findings of one kind, as they come
  finback events --since 1h                    the last hour from the history, then what happens
  finback events --since 03:00 --until 04:00   that hour
  finback events --last 20 --no-follow         the last 20 lines of the history

Without a daemon the history is read from its files. Several may watch at once. Who reads too slowly loses lines, and is told so by a `lost` line.")]
pub(super) struct Events {
    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,

    /// Which events: incident, finding, transition, connection, remedy, separated by commas
    #[arg(long, default_value_t = Selection::stream(), value_name = "KINDS")]
    select: Selection,

    /// The daemon's Unix socket
    #[arg(long, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,

    #[command(flatten)]
    filter: StreamFilterArgs,

    /// The filter from this file instead of /etc/finback/finback.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    time: TimeArgs,

    /// End after what the history has; so it does with --until
    #[arg(long)]
    no_follow: bool,

    /// Where the history is, if no daemon answers
    #[arg(long, default_value = DEFAULT_HISTORY, value_name = "PATH")]
    history: PathBuf,
}

impl Events {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = Config::load(self.config.as_deref(), Flags::default())?;
        let filter = self.filter.filter(&config)?;
        let range = self.time.range()?;
        let follow = !self.no_follow && range.until.is_none();
        let past = !range.is_none() || !follow;
        let mut lines = Lines::to_stdout(self.format.resolve())?;
        let query = range.query() + &filter.as_ref().map(Filter::query).unwrap_or_default();
        let target = format!("/v1/events?select={}&follow={follow}{query}", self.select);
        let answered = runtime()?.block_on(async {
            let response = match client::ask(&self.socket, &target).await {
                Err(error) if past && error.is_nobody() => return Ok::<bool, Failure>(false),
                response => response?,
            };
            lines.follow(response.into_body()).await?;
            Ok(true)
        })?;
        if answered {
            return Ok(());
        }
        if follow {
            tracing::warn!("no daemon answers: this is what its history has");
        }
        self.read(&mut lines, range, filter)
    }

    fn read(&self, lines: &mut Lines, range: Range, filter: Option<Filter>) -> Result<(), Failure> {
        let select = self.select;
        let wanted = move |line: &history::Line| {
            let filter = filter.as_ref();
            let event = || serde_json::from_slice::<Event<'_>>(&line.text);
            let passes = |filter: &Filter| event().is_ok_and(|event| filter.passes(&event));
            select.takes_type(&line.kind) && filter.is_none_or(passes)
        };
        lines.copy(history::read(&self.history, range, Box::new(wanted))?)
    }
}

impl From<history::Error> for Failure {
    fn from(error: history::Error) -> Self {
        let denied = io::ErrorKind::PermissionDenied;
        match &error {
            history::Error::Io { source, .. } if source.kind() == denied => Self::new(
                Code::NotPermitted,
                &error,
                "only root may read the daemon's history: try sudo",
            ),
            history::Error::None(_) => Self::new(
                Code::Failed,
                &error,
                "is a daemon running, with a history? name its folder with --history, or its socket with --socket",
            ),
            history::Error::Refused { .. } | history::Error::Io { .. } => {
                Self::new(Code::Failed, &error, "name another folder with --history")
            }
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        match &error {
            client::Error::Connect(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                Self::new(
                    Code::NotPermitted,
                    &error,
                    "only root may read the daemon's socket: try sudo",
                )
            }
            client::Error::Connect(_) => Self::new(
                Code::Failed,
                &error,
                "start it with `finback run`, or name its socket with --socket",
            ),
            client::Error::Refused { reason, .. } => {
                let help = reason.as_ref().map(|reason| reason.help.clone());
                let usual = || "is it ending? try again".to_owned();
                Self::new(Code::Failed, &error, help.unwrap_or_else(usual))
            }
            client::Error::Http(_) | client::Error::Request(_) => Self::new(
                Code::Failed,
                &error,
                "is it still running? see `finback events --help`",
            ),
        }
    }
}
