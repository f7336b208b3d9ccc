//! What was told in a part of the past: the daemon's history, or its files where no daemon runs.

use std::path::Path;

use http_body_util::{BodyExt as _, Limited};

use super::daemon::{Daemon, LONGEST};
use super::error::Error;
use super::file::File;
use crate::client;
use crate::history::{self, Range};

/// Reads incidents and findings of this range.
pub(super) fn read(socket: &Path, range: &Range, folder: &Path) -> Result<File, Error> {
    if let Some(daemon) = Daemon::find(socket)? {
        let text = daemon.past(range)?;
        return Ok(File::of_the_past(socket.to_owned(), text));
    }
    let mut text = Vec::new();
    let wanted = |line: &history::Line| ["incident", "finding"].contains(&&*line.kind);
    for line in history::read(folder, *range, Box::new(wanted))? {
        match line {
            Ok(line) => text.extend_from_slice(&line.text),
            Err(damage) => tracing::warn!("the history is damaged: {damage}"),
        }
    }
    Ok(File::of_the_past(folder.to_owned(), text))
}

impl Daemon {
    fn past(&self, range: &Range) -> Result<Vec<u8>, Error> {
        let target = format!(
            "/v1/events?select=incident,finding&follow=false{}",
            range.query()
        );
        self.runtime.block_on(async {
            let response = client::ask(&self.socket, &target).await?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| Error::Output(std::io::Error::other(error)))?;
            Ok(body.to_bytes().to_vec())
        })
    }
}
