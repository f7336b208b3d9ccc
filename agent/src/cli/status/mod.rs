//! `finback status`: how the running daemon is.

mod page;
mod pins;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;

use super::exit::{Failure, quietly};
use super::runtime::runtime;
use crate::client;
use crate::config::{DEFAULT_PINS, DEFAULT_SOCKET};

use self::page::Page;
use self::pins::Pins;

/// Bytes that are read.
const LONGEST: usize = 4 << 20;

/// Arguments of `finback status`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback status                                        how the daemon is
  finback status --format json | jq .privilege          what it may still do
  finback status --format json | jq .counters           what the kernel programs have counted
  finback status --pins                                 what outlives the daemon; also if none runs

Losses are named only where there are any. Exit code 1: no daemon answers.")]
pub(super) struct Status {
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    /// Each table and attached program that is pinned, in use or left by a daemon that has ended
    ///
    /// If no daemon answers, of the folder itself (docs/reliability.md).
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = DEFAULT_PINS)]
    pins: Option<PathBuf>,

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
        if let Some(folder) = &self.pins {
            return self.pins(folder);
        }
        let answer = self.ask()?;
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => quietly(out.write_all(&answer).and_then(|()| writeln!(out))),
            Format::Text => {
                let page: Page = serde_json::from_slice(&answer).map_err(io::Error::from)?;
                quietly(write!(out, "{page}"))
            }
        }
    }

    /// Only the pins: the daemon's, or those of a folder that no daemon is asked about.
    fn pins(&self, folder: &Path) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Answer {
            pins: Pins,
        }
        let pins = match self.ask() {
            Ok(answer) => {
                let answer: Answer = serde_json::from_slice(&answer).map_err(io::Error::from)?;
                answer.pins
            }
            Err(_) => Pins::of_folder(folder)?,
        };
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => {
                let text = serde_json::to_string(&pins).map_err(io::Error::from)?;
                quietly(writeln!(out, "{text}"))
            }
            Format::Text => quietly(write!(out, "{pins}")),
        }
    }

    fn ask(&self) -> Result<Bytes, Failure> {
        runtime()?.block_on(async {
            let response = client::ask(&self.socket, "/v1/status").await?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| io::Error::other(error.to_string()))?;
            Ok::<_, Failure>(body.to_bytes())
        })
    }
}
