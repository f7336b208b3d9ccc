//! `finback audit`: which connections would never notice that their peer is gone.

use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use clap::Args;

use super::ask::{Question, QuestionArgs, unless_gone};
use super::exit::{Code, End, Failure, quietly};
use super::format::FormatArg;
use crate::audit::{self, Groups, Judgement, Scope};
use crate::config;
use crate::output::feed::Format;
use crate::output::json::{self, Event};
use crate::source::Wanted;

/// Arguments of `finback audit`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback audit                 idle connections without keep-alive, by process and peer
  finback audit --all           also those that would notice, with how soon
  finback audit --idle 1h       only what has been idle for an hour
  finback audit --format json | jq -c '{pid: .process.pid, peer: .network.peer, guard: .listed.guard}'

A peer that loses its power, its network or its namespace says nothing. An idle connection then learns of it from
keep-alive alone; TCP_USER_TIMEOUT and retransmission count only for what is sent. Settings that a socket leaves to its
network namespace are read there. Exit code: 0 if every connection would notice, 10 if one would not.")]
pub(super) struct Audit {
    /// Only connections that have been idle for so long
    #[arg(long, value_parser = config::duration, default_value = "1m", value_name = "TIME")]
    idle: Duration,

    /// Also show connections that would notice, with how soon
    #[arg(long)]
    all: bool,

    /// Also judge connections over loopback, whose other end is this kernel's, too
    #[arg(long)]
    loopback: bool,

    /// Text: show so many groups at most
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    limit: usize,

    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,

    #[command(flatten)]
    question: QuestionArgs,
}

impl Audit {
    pub(super) fn run(&self) -> Result<End, Failure> {
        let mut source = self.question.open(false)?;
        let mut groups = Groups::new(Scope {
            idle: self.idle,
            loopback: self.loopback,
        });
        match self.format.resolve() {
            Format::Json => self.lines(&mut source, &mut groups)?,
            Format::Text(_) => {
                let mut take = |event: &Event<'_>| {
                    groups.add(event);
                    Ok(())
                };
                source.each(Wanted::Sockets, &mut take)?;
                let mut text = String::new();
                audit::write(&groups, self.all, self.limit, &mut text).map_err(io::Error::other)?;
                quietly(io::stdout().lock().write_all(text.as_bytes()))?;
            }
        }
        if groups.knows_nothing() {
            return Err(Failure::new(
                Code::KernelLacks,
                "this kernel does not show what guards a socket",
                "`finback doctor` says what is missing; `ss -o` shows keep-alive timers",
            ));
        }
        Ok(if groups.never() > 0 {
            End::Found
        } else {
            End::Done
        })
    }

    fn lines(&self, source: &mut Question, groups: &mut Groups) -> Result<(), Failure> {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut line = Vec::new();
        let mut take = |event: &Event<'_>| {
            let judgement = groups.add(event);
            if judgement == Judgement::Never || (self.all && judgement == Judgement::Noticed) {
                line.clear();
                json::write_line(event, &mut line)?;
                out.write_all(&line)?;
            }
            Ok(())
        };
        unless_gone(source.each(Wanted::Sockets, &mut take))?;
        quietly(out.flush())
    }
}
