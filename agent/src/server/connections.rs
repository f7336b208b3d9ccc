//! Every socket as a look finds it now, one line for each.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc::{self, Sender};

use super::body::{self, Body};
use crate::filter::Filter;
use crate::output::clock::WallClock;
use crate::output::json::{self, Accused, Event, List};
use crate::process::Descriptions;
use finback_core::model::guard::GuardDefaults;
use finback_core::model::look::Snapshot;

/// Lines are sent in pieces of about so many bytes …
const PIECE: usize = 64 << 10;
/// … of which so many wait for a reader; a slow one holds up nobody but the thread that encodes for him.
const PIECES: usize = 4;

/// A look, and what is wrong with what it shows.
#[derive(Debug)]
pub struct Shown {
    /// The look.
    pub snapshot: Snapshot,
    /// Findings.
    pub accused: Accused,
    /// What network namespaces give to sockets that ask for nothing.
    pub defaults: Vec<GuardDefaults>,
    /// Its clock.
    pub clock: WallClock,
    /// Where the host's files are.
    pub host_root: PathBuf,
}

/// Lines of type `socket`.
pub(super) fn lines_of(shown: Shown, filter: Option<Filter>) -> Body {
    let (pieces, received) = mpsc::channel(PIECES);
    // It ends when the reader has gone.
    drop(tokio::task::spawn_blocking(move || {
        let mut lines = Lines {
            piece: Vec::with_capacity(PIECE + PIECE / 4),
            to: pieces,
        };
        drop(encode(&shown, filter.as_ref(), &mut lines).and_then(|()| lines.flush()));
    }));
    body::lines(stream::unfold(received, |mut received| async {
        Some((received.recv().await?, received))
    }))
}

/// All of them at once.
pub(super) fn text(shown: &Shown) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    each(shown, &mut |event| json::write_line(event, &mut text))?;
    Ok(text)
}

fn encode(shown: &Shown, filter: Option<&Filter>, lines: &mut Lines) -> io::Result<()> {
    each(shown, &mut |event| {
        if filter.is_none_or(|filter| filter.selects(event)) {
            lines.add(event)?;
        }
        Ok(())
    })
}

fn each(shown: &Shown, take: &mut dyn FnMut(&Event<'_>) -> io::Result<()>) -> io::Result<()> {
    let list = List::new(
        &shown.snapshot,
        shown.clock,
        &shown.accused,
        &shown.defaults,
    );
    list.each(&mut Descriptions::new(&shown.host_root), take)
}

struct Lines {
    piece: Vec<u8>,
    to: Sender<Bytes>,
}

impl Lines {
    fn add(&mut self, event: &Event<'_>) -> io::Result<()> {
        json::write_line(event, &mut self.piece)?;
        if self.piece.len() < PIECE {
            return Ok(());
        }
        self.flush()
    }

    /// Waits until there is room.
    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.to
            .blocking_send(piece.into())
            .map_err(|_gone| io::ErrorKind::BrokenPipe.into())
    }
}
