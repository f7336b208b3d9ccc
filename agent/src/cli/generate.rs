//! `finback generate`: files made from the program's own definitions.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};

use super::exit::{Failure, quietly};
use crate::output::json;

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
}

impl Generate {
    /// Writes the file to standard output.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let What::Schema = self.what;
        let text = serde_json::to_string_pretty(&json::schema()).map_err(io::Error::other)?;
        quietly(writeln!(io::stdout().lock(), "{text}"))
    }
}
