//! How long tests take and which fail, learned from the lines that they print.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failures::Listener;

/// Every test of this run whose time is known, from all stages and guests.
static TAKEN: Mutex<Vec<Taken>> = Mutex::new(Vec::new());

/// A test and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// `core (lib): tests::…`, `6.12 fentry: time_wait`.
    name: String,
    time: Duration,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.1} s  {}", self.time.as_secs_f64(), self.name)
    }
}

/// Where the time of a test comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The line itself says it: libtest's `--report-time`.
    Line,
    /// Tests run one after the other: it is the time since the line before.
    Interval,
    /// Tests run side by side: it is not known.
    Unknown,
}

impl Source {
    /// Of tests whose lines do not say it.
    pub(crate) const fn between_lines(in_a_row: bool) -> Self {
        if in_a_row {
            Self::Interval
        } else {
            Self::Unknown
        }
    }
}

/// Follows the output of one test binary.
#[derive(Debug)]
pub(crate) struct Follower {
    label: String,
    source: Source,
    last: Instant,
    failures: Listener,
}

impl Follower {
    pub(crate) fn start(label: &str, source: Source) -> Self {
        Self {
            label: label.to_owned(),
            source,
            last: Instant::now(),
            failures: Listener::new(label),
        }
    }

    /// Notes what this line tells of a test, if it is such a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.failures.line(line);
        let Some(taken) = self.taken(line, Instant::now()) else {
            return;
        };
        let mut all = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(taken);
    }

    fn taken(&mut self, line: &str, now: Instant) -> Option<Taken> {
        let line = line.trim();
        // What a binary sets up before its first test is no test's time.
        if line.starts_with("running ") {
            self.last = now;
        }
        let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let time = match self.source {
            Source::Line => seconds(result)?,
            Source::Interval => now - self.last,
            Source::Unknown => return None,
        };
        self.last = now;
        Some(Taken {
            name: format!("{}: {}", self.label, name.trim()),
            time,
        })
    }
}

/// `ok <0.042s>`
fn seconds(result: &str) -> Option<Duration> {
    let (_, time) = result.rsplit_once('<')?;
    let seconds = time.strip_suffix("s>")?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The slowest tests so far, the slowest first.
pub(crate) fn slowest(count: usize) -> Vec<Taken> {
    let mut all = TAKEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    all.sort_by_key(|taken| std::cmp::Reverse(taken.time));
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_says_the_time_itself() {
        let mut watch = Follower::start("core (lib)", Source::Line);
        let taken = watch.taken("test a::b ... ok <1.250s>\n", Instant::now());
        let taken = taken.expect("a test's line");
        assert_eq!(taken.to_string(), "    1.2 s  core (lib): a::b");
        for line in ["test a ... ok", "test result: ok. 1 passed", "noise <1s>"] {
            assert_eq!(watch.taken(line, Instant::now()), None, "{line}");
        }
    }

    #[test]
    fn tests_in_a_row_take_what_lies_between_their_lines() {
        let mut watch = Follower::start("6.12 fentry", Source::Interval);
        let start = watch.last;
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(watch.taken("running 2 tests", at(5)), None);
        let first = watch.taken("test ipv6          ... ok", at(7));
        assert_eq!(first.expect("a test").time, Duration::from_secs(2));
        let second = watch.taken("test time_wait     ... FAILED", at(17));
        assert_eq!(second.expect("a test").time, Duration::from_secs(10));
    }
}
