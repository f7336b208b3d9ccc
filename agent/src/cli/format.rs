//! `--format`: how events are written to standard output.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;

use crate::output::feed;
use crate::output::text::Style;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// NDJSON: one object per line
    Json,
    /// Aligned text
    Text,
}

impl FormatArg {
    pub(super) fn resolve(self) -> feed::Format {
        match self {
            Self::Json => feed::Format::Json,
            Self::Text => feed::Format::Text(style()),
            Self::Auto if io::stdout().is_terminal() => feed::Format::Text(style()),
            Self::Auto => feed::Format::Json,
        }
    }
}

/// Colours on a terminal that has them, unless `NO_COLOR` is set to anything (no-color.org).
pub(super) fn style() -> Style {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let size = rustix::termios::tcgetwinsize(io::stdout());
    Style {
        color: io::stdout().is_terminal() && !unwanted && !dumb,
        width: size.ok().map(|size| size.ws_col).filter(|width| *width > 0),
    }
}
