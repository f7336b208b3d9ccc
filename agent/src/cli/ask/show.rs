//! How lists are written: to a terminal, to a program, once or again and again.

use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::exit::{Failure, quietly};
use crate::config;
use crate::output::json::{self, Event};
use crate::output::sink;

/// How to write a list.
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// What to write
    #[arg(long, value_enum, default_value_t = Form::Auto, value_name = "FORMAT")]
    format: Form,

    /// No header
    #[arg(short = 'H', long)]
    no_header: bool,

    /// Do not cut lines at the terminal's width
    #[arg(short, long)]
    wide: bool,

    /// Look again after so long, until interrupted [default: 2s]
    #[arg(long, value_parser = config::duration, num_args = 0..=1, default_missing_value = "2s", value_name = "TIME")]
    watch: Option<Duration>,
}

/// `--format` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// text on a terminal, else JSON
    Auto,
    /// Columns
    Text,
    /// One object per line, as in the event stream
    Json,
    /// Comma-separated values with a header
    Csv,
}

impl ShowArgs {
    /// What is to be written.
    pub(super) fn form(&self) -> Form {
        match self.format {
            Form::Auto if io::stdout().is_terminal() => Form::Text,
            Form::Auto => Form::Json,
            form @ (Form::Text | Form::Json | Form::Csv) => form,
        }
    }

    /// Whether columns have names.
    pub(super) const fn header(&self) -> bool {
        !self.no_header
    }

    /// Columns of the terminal, if lines are to be cut there.
    pub(super) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (!self.wide && size.ws_col > 0).then_some(usize::from(size.ws_col))
    }

    /// Shows it once, or again and again until somebody has seen enough.
    pub(super) fn again(
        &self,
        mut show: impl FnMut(&mut Out) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut out = Out(BufWriter::with_capacity(64 << 10, io::stdout().lock()));
        loop {
            if self.watch.is_some() && io::stdout().is_terminal() {
                // Clears the screen and goes to its first line.
                quietly(out.0.write_all(b"\x1b[2J\x1b[H"))?;
            }
            show(&mut out)?;
            quietly(out.0.flush())?;
            let Some(pause) = self.watch else {
                return Ok(());
            };
            thread::sleep(pause);
            if sink::reader_gone(std::os::fd::AsFd::as_fd(&io::stdout())) {
                return Ok(());
            }
        }
    }
}

/// Standard output.
pub(super) struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    /// Writes text.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        quietly(self.0.write_all(text.as_bytes()))
    }

    /// Writes an event as a line of JSON.
    pub(super) fn line(&mut self, event: &Event<'_>) -> io::Result<()> {
        let mut line = Vec::new();
        json::write_line(event, &mut line)?;
        self.0.write_all(&line)
    }

    /// For comma-separated values.
    pub(super) const fn writer(&mut self) -> &mut impl io::Write {
        &mut self.0
    }
}

/// A reader that has gone ends a list, and is no failure.
pub(in crate::cli) fn unless_gone(result: Result<(), crate::source::Error>) -> Result<(), Failure> {
    match result {
        Err(crate::source::Error::Output(error)) => quietly(Err(error)),
        other => Ok(other?),
    }
}
