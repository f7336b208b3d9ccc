//! `--since`, `--until`, `--last`: which part of the past.

use clap::Args;

use super::exit::{Code, Failure};
use crate::history::Range;
use crate::moment;
use crate::output::clock::Time;

/// Which part of the past is wanted.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct TimeArgs {
    /// From this moment on: how long ago (10m, 2h, 1d), a time of day (03:00) or a date (2026-11-27 03:00)
    ///
    /// In UTC, as finback writes it, unless it ends with an offset, as in 2026-11-27T03:00:00+01:00.
    #[arg(long, value_parser = since_now, value_name = "TIME")]
    since: Option<Time>,

    /// Up to this moment, written in the same way
    #[arg(long, value_parser = since_now, value_name = "TIME")]
    until: Option<Time>,

    /// Of that, only the last so many lines
    #[arg(long, value_parser = moment::count, value_name = "NUMBER")]
    last: Option<usize>,
}

fn since_now(text: &str) -> Result<Time, String> {
    moment::parse(text, Time::now())
}

impl TimeArgs {
    /// What they come to.
    pub(super) fn range(&self) -> Result<Range, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            let what = format!("nothing can be between {since} and {until}");
            return Err(Failure::new(
                Code::Usage,
                what,
                "exchange --since and --until",
            ));
        }
        Ok(Range {
            since: self.since,
            until: self.until,
            last: self.last,
        })
    }
}
