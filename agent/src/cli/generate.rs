//! `finback generate`: files made from the program's own definitions.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Failure, quietly};
use crate::output::json;
use crate::server;

/// Arguments of `finback generate`.
#[derive(Args, Debug)]
pub(super) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// JSON Schema (2020-12) of the event stream
    Schema,
    /// OpenAPI document of what the daemon serves on its socket
    Openapi,
}

impl Generate {
    /// Writes the file to standard output.
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self.what {
            What::Schema => document(&json::schema()),
            What::Openapi => document(&server::openapi()),
        }
    }
}

fn document(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    quietly(writeln!(io::stdout().lock(), "{text}"))
}
