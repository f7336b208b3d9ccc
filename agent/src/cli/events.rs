//! `finback events`: the daemon's stream, from now on.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::interval;

use super::exit::{Code, Failure, quietly};
use super::format::FormatArg;
use super::runtime::runtime;
use crate::client;
use crate::config::DEFAULT_SOCKET;
use crate::output::feed::Format;
use crate::output::select::Selection;
use crate::output::{json, sink, text};

/// Arguments of `finback events`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback events                               what the running daemon sees, as text
  finback events --select incident | jq -c .   incidents only, as JSON; costs the daemon nothing
  finback events --select connection           one line for each connection, at its end

Several may watch at once. Who reads too slowly loses lines, and is told so by a `lost` line.")]
pub(super) struct Events {
    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,

    /// Which events: incident, finding, transition, connection, separated by commas
    #[arg(long, default_value_t = Selection::stream(), value_name = "KINDS")]
    select: Selection,

    /// The daemon's Unix socket
    #[arg(long, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
}

impl Events {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let format = self.format.resolve();
        runtime()?.block_on(async {
            let target = format!("/v1/events?select={}", self.select);
            let response = client::ask(&self.socket, &target).await?;
            follow(response.into_body(), format).await
        })
    }
}

/// How often is looked whether anybody still reads.
const LOOK: Duration = Duration::from_millis(500);

async fn follow(mut body: Incoming, format: Format) -> Result<(), Failure> {
    let mut out = sink::stdout()?;
    let mut pending = BytesMut::new();
    // A reader that has gone is else noticed only by writing.
    let mut look = interval(LOOK);
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = look.tick() => {
                if sink::reader_gone(out.as_fd()) {
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
        let written = match format {
            Format::Json => out.write_all(&pending[..=end]),
            Format::Text(style) => out.write_all(render(&pending[..=end], style).as_bytes()),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => quietly(written)?,
        }
        pending.advance(end + 1);
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
