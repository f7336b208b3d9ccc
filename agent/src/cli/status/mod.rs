//! `finback status`: how the running daemon is.

mod page;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use http_body_util::{BodyExt as _, Limited};

use super::exit::{Failure, quietly};
use super::runtime::runtime;
use crate::client;
use crate::config::DEFAULT_SOCKET;

use self::page::Page;

/// Bytes that are read.
const LONGEST: usize = 4 << 20;

/// Arguments of `finback status`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback status                                        how the daemon is
  finback status --format json | jq .privilege          what it may still do
  finback status --format json | jq .counters           what the kernel programs have counted

Losses are named only where there are any. Exit code 1: no daemon answers.")]
pub(super) struct Status {
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    /// The daemon's Unix socket
    #[arg(long, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A page
    Text,
    /// One JSON object
    Json,
}

impl Status {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let answer = runtime()?.block_on(async {
            let response = client::ask(&self.socket, "/v1/status").await?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| io::Error::other(error.to_string()))?;
            Ok::<_, Failure>(body.to_bytes())
        })?;
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => quietly(out.write_all(&answer).and_then(|()| writeln!(out))),
            Format::Text => {
                let page: Page = serde_json::from_slice(&answer).map_err(io::Error::from)?;
                quietly(write!(out, "{page}"))
            }
        }
    }
}
