//! Counts what a guest reports and turns it into one result.

use std::fmt;

use super::{initramfs::Step, machine::End, protocol::Tally};

/// Code of a guest whose time was over, as of timeout(1).
const TIMED_OUT: u8 = 124;
/// Code of a guest that ended without its last word.
const DIED: u8 = 125;
/// What came of one guest, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// The first exit code that is not 0.
    pub(crate) code: u8,
}

impl Summary {
    pub(super) fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.add(part);
        }
        sum
    }

    fn add(&mut self, other: Self) {
        let Self {
            passed,
            failed,
            skipped,
            code,
        } = other;
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
        if self.code == 0 {
            self.code = code;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
            code,
        } = self;
        write!(f, "{passed} passed; {failed} failed; {skipped} skipped")?;
        if *code != 0 {
            write!(f, " (code {code})")?;
        }
        Ok(())
    }
}

/// Keeps count of steps and test cases.
pub(super) struct Score<'a> {
    steps: &'a [Step],
    tallies: Vec<Tally>,
    codes: Vec<Option<u8>>,
}

impl<'a> Score<'a> {
    pub(super) fn new(steps: &'a [Step]) -> Self {
        Self {
            steps,
            tallies: vec![Tally::default(); steps.len()],
            codes: vec![None; steps.len()],
        }
    }

    pub(super) fn line(&mut self, step: usize, line: &str) {
        if let (Some(sum), Some(tally)) = (self.tallies.get_mut(step), Tally::parse(line)) {
            sum.add(tally);
        }
    }

    pub(super) fn exit(&mut self, step: usize, code: u8) {
        if let Some(place) = self.codes.get_mut(step) {
            *place = Some(code);
        }
    }

    /// The result of each step, in order.
    pub(super) fn of_steps(&self, end: End) -> Vec<Summary> {
        let lost = match end {
            End::TimedOut => TIMED_OUT,
            End::Done | End::Died => DIED,
        };
        let reported = self.tallies.iter().zip(&self.codes);
        let all = self.steps.iter().zip(reported);
        all.map(|(step, (tally, code))| of_step(step, *tally, code.unwrap_or(lost)))
            .collect()
    }
}

fn of_step(step: &Step, tally: Tally, code: u8) -> Summary {
    let Tally {
        passed,
        mut failed,
        skipped,
    } = tally;
    if !step.is_test {
        let failed = u32::from(code != 0);
        return Summary {
            passed: 1 - failed,
            failed,
            skipped: 0,
            code,
        };
    }
    // A binary that crashed, or that ran no test at all, has not passed.
    if failed == 0 && (code != 0 || passed + skipped == 0) {
        failed = 1;
    }
    let code = if failed > 0 { code.max(1) } else { code };
    Summary {
        passed,
        failed,
        skipped,
        code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(is_test: bool) -> Step {
        Step {
            label: String::new(),
            command: Vec::new(),
            env: Vec::new(),
            is_test,
        }
    }

    #[test]
    fn test_cases_are_counted_per_step_and_the_first_bad_code_is_kept() {
        let steps = [step(true), step(true)];
        let mut score = Score::new(&steps);
        score.line(
            0,
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured",
        );
        score.exit(0, 0);
        score.line(
            1,
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured",
        );
        score.exit(1, 101);
        let expected = Summary {
            passed: 4,
            failed: 2,
            skipped: 1,
            code: 101,
        };
        assert_eq!(Summary::of_all(score.of_steps(End::Done)), expected);
    }

    #[test]
    fn a_test_binary_without_a_summary_has_failed() {
        let steps = [step(true)];
        let mut score = Score::new(&steps);
        score.exit(0, 0);
        let summary = Summary::of_all(score.of_steps(End::Done));
        assert_eq!((summary.failed, summary.code), (1, 1));
    }

    #[test]
    fn steps_that_a_dead_guest_never_ran_have_failed() {
        let steps = [step(true), step(true)];
        let mut score = Score::new(&steps);
        score.line(
            0,
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured",
        );
        score.exit(0, 0);
        let summary = Summary::of_all(score.of_steps(End::Died));
        assert_eq!((summary.passed, summary.failed, summary.code), (3, 1, DIED));
        assert_eq!(
            Summary::of_all(score.of_steps(End::TimedOut)).code,
            TIMED_OUT
        );
    }

    #[test]
    fn a_command_counts_as_one_case() {
        let steps = [step(false)];
        let mut score = Score::new(&steps);
        score.exit(0, 3);
        let expected = Summary {
            passed: 0,
            failed: 1,
            skipped: 0,
            code: 3,
        };
        assert_eq!(Summary::of_all(score.of_steps(End::Done)), expected);
    }
}
