//! What was told in the past: the daemon's history, or its files where no daemon runs.

use std::path::Path;

use http_body_util::{BodyExt as _, Limited};

use super::daemon::{Daemon, LONGEST};
use super::error::Error;
use super::file::File;
use crate::client;
use crate::filter::Filter;
use crate::history::{self, Range};
use crate::output::json::Event;

/// Reads incidents and findings of this range.
pub(super) fn read(socket: &Path, range: &Range, folder: &Path) -> Result<File, Error> {
    told(Some(socket), range, folder, None)
}

/// Incidents and findings of any time that this selects, also those that are over; `None` where no history is kept.
/// Without a socket no daemon is asked.
pub fn remembered(
    socket: Option<&Path>,
    folder: &Path,
    filter: &Filter,
) -> Result<Option<File>, Error> {
    match told(socket, &Range::default(), folder, Some(filter)) {
        Err(Error::History(history::Error::None(_))) => Ok(None),
        Err(Error::Client(error)) if error.code() == Some("no_history") => Ok(None),
        told => told.map(Some),
    }
}

fn told(
    socket: Option<&Path>,
    range: &Range,
    folder: &Path,
    filter: Option<&Filter>,
) -> Result<File, Error> {
    if let Some(socket) = socket
        && let Some(daemon) = Daemon::find(socket)?
    {
        let text = daemon.past(range, filter)?;
        return Ok(File::of_the_past(socket.to_owned(), text));
    }
    let filter = filter.cloned();
    let wanted = move |line: &history::Line| {
        let event = || serde_json::from_slice::<Event<'_>>(&line.text);
        let selects = |filter: &Filter| event().is_ok_and(|event| filter.selects(&event));
        ["incident", "finding"].contains(&&*line.kind) && filter.as_ref().is_none_or(selects)
    };
    let mut text = Vec::new();
    for line in history::read(folder, *range, Box::new(wanted))? {
        match line {
            Ok(line) => text.extend_from_slice(&line.text),
            Err(damage) => tracing::warn!("the history is damaged: {damage}"),
        }
    }
    Ok(File::of_the_past(folder.to_owned(), text))
}

impl Daemon {
    fn past(&self, range: &Range, filter: Option<&Filter>) -> Result<Vec<u8>, Error> {
        let target = format!(
            "/v1/events?select=incident,finding&follow=false{}{}",
            range.query(),
            filter.map(Filter::query).unwrap_or_default()
        );
        self.runtime.block_on(async {
            let response = client::ask(&self.socket, &target).await?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| Error::Output(std::io::Error::other(error)))?;
            Ok(body.to_bytes().to_vec())
        })
    }
}
