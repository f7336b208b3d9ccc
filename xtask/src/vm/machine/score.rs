//! Counts what a guest reports and turns it into one result.

use std::fmt;

use crate::{summary::Summary, vm::image::initramfs::Step};

use super::End;

/// Code of a guest whose time was over, as of timeout(1).
const TIMED_OUT: u8 = 124;
/// Code of a guest that ended without its last word.
const DIED: u8 = 125;

/// What came of one step, of one guest, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Test cases; a step that is no test is one.
    pub(crate) counts: Summary,
    /// The first exit code that is not 0.
    pub(crate) code: u8,
}

impl Outcome {
    /// Something that could not even be started.
    pub(crate) const FAILED: Self = Self {
        counts: Summary::FAILED,
        code: 1,
    };

    /// The sum.
    pub(crate) fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.counts += part.counts;
            if sum.code == 0 {
                sum.code = part.code;
            }
        }
        sum
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)?;
        if self.code != 0 {
            write!(f, " (code {})", self.code)?;
        }
        Ok(())
    }
}

/// Keeps count of steps and test cases.
#[derive(Debug)]
pub(crate) struct Score<'a> {
    steps: &'a [Step],
    counts: Vec<Summary>,
    codes: Vec<Option<u8>>,
}

impl<'a> Score<'a> {
    pub(crate) fn new(steps: &'a [Step]) -> Self {
        Self {
            steps,
            counts: vec![Summary::default(); steps.len()],
            codes: vec![None; steps.len()],
        }
    }

    pub(crate) fn line(&mut self, step: usize, line: &str) {
        if let (Some(sum), Some(counted)) = (self.counts.get_mut(step), Summary::of_line(line)) {
            *sum += counted;
        }
    }

    pub(crate) fn exit(&mut self, step: usize, code: u8) {
        if let Some(place) = self.codes.get_mut(step) {
            *place = Some(code);
        }
    }

    /// The result of each step, in order.
    pub(crate) fn of_steps(&self, end: End) -> Vec<Outcome> {
        let lost = match end {
            End::TimedOut => TIMED_OUT,
            End::Done | End::Died | End::TooLoud => DIED,
        };
        let reported = self.counts.iter().zip(&self.codes);
        let all = self.steps.iter().zip(reported);
        all.map(|(step, (counts, code))| of_step(step, *counts, code.unwrap_or(lost)))
            .collect()
    }
}

fn of_step(step: &Step, counts: Summary, code: u8) -> Outcome {
    if !step.is_test {
        let counts = if code == 0 {
            Summary::PASSED
        } else {
            Summary::FAILED
        };
        return Outcome { counts, code };
    }
    // A binary that crashed, or that ran no test at all, has not passed.
    let ran = counts.passed + counts.skipped + counts.failed > 0;
    let counts = counts.at_least_exit(code == 0 && ran);
    let code = if counts.failed > 0 { code.max(1) } else { code };
    Outcome { counts, code }
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
            in_a_row: false,
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
        let outcome = Outcome::of_all(score.of_steps(End::Done));
        assert_eq!(
            outcome.to_string(),
            "4 passed, 2 failed, 1 skipped (code 101)"
        );
    }

    #[test]
    fn a_test_binary_without_a_summary_has_failed() {
        let steps = [step(true)];
        let mut score = Score::new(&steps);
        score.exit(0, 0);
        let Outcome { counts, code } = Outcome::of_all(score.of_steps(End::Done));
        assert_eq!((counts.failed, code), (1, 1));
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
        let Outcome { counts, code } = Outcome::of_all(score.of_steps(End::Died));
        assert_eq!((counts.passed, counts.failed, code), (3, 1, DIED));
        assert_eq!(
            Outcome::of_all(score.of_steps(End::TimedOut)).code,
            TIMED_OUT
        );
    }

    #[test]
    fn a_command_counts_as_one_case() {
        let steps = [step(false)];
        let mut score = Score::new(&steps);
        score.exit(0, 3);
        let expected = Outcome {
            counts: Summary::FAILED,
            code: 3,
        };
        assert_eq!(Outcome::of_all(score.of_steps(End::Done)), expected);
    }
}
