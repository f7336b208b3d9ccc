//! How many checks passed, failed and were skipped.

use std::fmt;
use std::ops::AddAssign;

/// Counts over any number of stages; shown as the last line of `cargo xtask test`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Checks that held.
    pub(crate) passed: u32,
    /// Checks that did not hold, or could not be run although they should have been.
    pub(crate) failed: u32,
    /// Checks left out for a reason that was printed.
    pub(crate) skipped: u32,
}

impl Summary {
    /// One check that held.
    pub(crate) const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    /// One check that did not hold.
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    /// One check left out.
    pub(crate) const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    /// Reads one line; `Some` if it is libtest's (or libtest-mimic's) summary:
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let counts = line
            .trim()
            .strip_prefix("test result: ")?
            .split_once(". ")?
            .1;
        let count = |what: &str| {
            counts
                .split("; ")
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<u32>().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("ignored").unwrap_or(0),
        })
    }

    /// Never better than the exit code: a stage that failed without counting a failure counts as one.
    #[must_use]
    pub(crate) fn at_least_exit(mut self, success: bool) -> Self {
        if !success {
            self.failed = self.failed.max(1);
        }
        self
    }
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        let Self {
            passed,
            failed,
            skipped,
        } = other;
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_libtest_and_libtest_mimic() {
        let libtest = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s";
        assert_eq!(
            Summary::of_line(libtest),
            Some(Summary {
                passed: 12,
                failed: 2,
                skipped: 1
            })
        );
        let indented =
            "  test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\r";
        assert_eq!(
            Summary::of_line(indented),
            Some(Summary {
                passed: 3,
                failed: 0,
                skipped: 0
            })
        );
    }

    #[test]
    fn other_lines_are_not_summaries() {
        for line in [
            "",
            "running 3 tests",
            "test a ... ok",
            "test result: ok",
            "test result: ok. many passed",
        ] {
            assert_eq!(Summary::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_failing_exit_code_is_at_least_one_failure() {
        let crashed = Summary {
            passed: 5,
            ..Summary::default()
        };
        assert_eq!(crashed.at_least_exit(false).failed, 1);
        assert_eq!(crashed.at_least_exit(true).failed, 0);
        let counted = Summary {
            failed: 3,
            ..Summary::default()
        };
        assert_eq!(counted.at_least_exit(false).failed, 3);
    }

    #[test]
    fn sums_and_shows() {
        let mut sum = Summary::PASSED;
        sum += Summary {
            passed: 2,
            failed: 1,
            skipped: 4,
        };
        assert_eq!(sum.to_string(), "3 passed, 1 failed, 4 skipped");
    }
}
