//! How a report is written: for people, as lines of the stream, for a build server.

mod junit;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

pub use self::junit::junit;
pub use self::text::text;
use super::judge::{How, Left, Report};

/// A report with what it is about.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The command as the user has given it.
    pub command: &'a str,
    /// How long it ran.
    pub took: Duration,
    /// What it has left.
    pub report: &'a Report,
    /// So many leaks are no failure.
    pub allowed: usize,
    /// Also what was open when its process ended.
    pub verbose: bool,
}

impl<'a> Told<'a> {
    /// Whether there are more leaks than allowed.
    pub const fn is_failure(&self) -> bool {
        self.report.leaks.len() > self.allowed
    }

    /// What is told although it is no leak, of one kind.
    fn others(&self, how: How) -> Vec<&'a Left> {
        let wanted = self.verbose || how != How::OpenAtExit;
        let all = self.report.others.iter();
        all.filter(|left| wanted && left.how == how).collect()
    }
}

/// NDJSON: the leaks, a `finding` or (inherited) a `socket` with its verdict each, then the rest: a `socket` without a
/// verdict, a `finding` that the program resolved itself (`closed_by_app`), a `transition`.
pub fn json(told: &Told<'_>) -> Vec<u8> {
    let others = [How::StillHeld, How::ClosedLate, How::OpenAtExit];
    let others = others.into_iter().flat_map(|how| told.others(how));
    let all = told.report.leaks.iter().chain(others);
    all.flat_map(|left| left.line.iter().copied()).collect()
}
