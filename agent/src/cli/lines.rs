//! Lines of the stream on their way to standard output.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::interval;

use super::exit::{Failure, quietly};
use crate::client;
use crate::history::Reader;
use crate::output::feed::Format;
use crate::output::{json, sink, text};

/// Standard output, and how lines are written there.
#[derive(Debug)]
pub(super) struct Lines {
    out: File,
    format: Format,
}

/// Whether anybody reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Yes,
    No,
}

/// How often is looked whether anybody still reads.
const LOOK: Duration = Duration::from_millis(500);

/// So much of a history is written at once.
const CHUNK_BYTES: usize = 64 << 10;

impl Lines {
    pub(super) fn to_stdout(format: Format) -> Result<Self, Failure> {
        let out = sink::stdout()?;
        Ok(Self { out, format })
    }

    /// Writes complete lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<Heard, Failure> {
        let written = match self.format {
            Format::Json => self.out.write_all(lines),
            Format::Text(style) => self.out.write_all(render(lines, style).as_bytes()),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Heard::No),
            written => quietly(written).map(|()| Heard::Yes),
        }
    }

    /// Writes what the daemon sends, until it ends or nobody reads any more.
    pub(super) async fn follow(&mut self, mut body: Incoming) -> Result<(), Failure> {
        let mut pending = BytesMut::new();
        // A reader that has gone is else noticed only by writing.
        let mut look = interval(LOOK);
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                _ = look.tick() => {
                    if sink::reader_gone(self.out.as_fd()) {
                        return Ok(());
                    }
                    continue;
                }
            };
            let Some(frame) = frame else {
                return Ok(());
            };
            let frame = frame.map_err(client::Error::from)?;
            let Some(data) = frame.data_ref() else {
                continue;
            };
            pending.extend_from_slice(data);
            let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };
            if self.write(&pending[..=end])? == Heard::No {
                return Ok(());
            }
            pending.advance(end + 1);
        }
    }

    /// Writes what a history has; what is damaged is told on standard error.
    pub(super) fn copy(&mut self, history: Reader) -> Result<(), Failure> {
        let mut chunk = Vec::new();
        for item in history {
            match item {
                Ok(line) => chunk.extend_from_slice(&line.text),
                Err(damage) => tracing::warn!("{damage}"),
            }
            if chunk.len() >= CHUNK_BYTES {
                if self.write(&chunk)? == Heard::No {
                    return Ok(());
                }
                chunk.clear();
            }
        }
        self.write(&chunk).map(|_| ())
    }
}

/// Lines of a type that this version does not know are left as they are.
fn render(lines: &[u8], style: text::Style) -> String {
    let mut out = String::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let known = serde_json::from_slice::<json::Event<'_>>(line).ok();
        let written = known.map(|event| text::write(&event, style, &mut out));
        if !matches!(written, Some(Ok(()))) {
            out.push_str(&String::from_utf8_lossy(line));
        }
    }
    out
}
