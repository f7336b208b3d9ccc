//! From many noisy values to one with its error.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fewer values say nothing of their spread.
const FEW: usize = 4;

/// A value and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    /// Mean of the middle half of the values.
    pub(super) value: f64,
    /// Standard error of that mean.
    pub(super) error: f64,
    /// How many values there were.
    pub(super) rounds: usize,
}

impl Estimate {
    /// The interquartile mean: what a neighbour's burst of work does to single values does not move it. Its standard
    /// error is that of a trimmed mean (Tukey and `McLaughlin`), from the values with both tails pulled in.
    /// `None` without values.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let cut = sorted.len() / 4;
        let middle = sorted.get(cut..sorted.len() - cut)?;
        let (low, high) = (*middle.first()?, *middle.last()?);
        let value = mean(middle);
        let pulled: Vec<f64> = sorted.iter().map(|v| v.clamp(low, high)).collect();
        let kept = count(middle.len()) / count(sorted.len());
        Some(Self {
            value,
            error: deviation(&pulled) / (kept * count(sorted.len()).sqrt()),
            rounds: sorted.len(),
        })
    }

    /// Whether it cannot be told from nothing: zero is within two standard errors.
    pub(super) fn is_noise(&self) -> bool {
        self.value.abs() <= 2.0 * self.error || self.rounds < FEW
    }

    /// The one with the smaller error.
    pub(super) fn sharper(self, other: Self) -> Self {
        if other.error < self.error {
            other
        } else {
            self
        }
    }

    /// As a plain number: `12.34 ± 0.05`.
    pub(super) fn plain(&self) -> String {
        format!("{:.2} ± {:.2}", self.value, self.error)
    }

    /// The quotient, with the errors of both.
    pub(super) fn over(&self, other: &Self) -> Option<Self> {
        if other.value == 0.0 || self.value == 0.0 {
            return None;
        }
        let value = self.value / other.value;
        let relative = (self.error / self.value).hypot(other.error / other.value);
        Some(Self {
            value,
            error: (value * relative).abs(),
            rounds: self.rounds.min(other.rounds),
        })
    }
}

/// As a share of the whole: `12.3 ± 0.4 %`.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, error, .. } = self;
        let text = format!("{:.1} ± {:.1} %", value * 100.0, error * 100.0);
        if self.is_noise() {
            return f.pad(&format!("{text} (noise)"));
        }
        f.pad(&text)
    }
}

/// The value in the middle; `NaN` without values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Smallest and largest.
pub(super) fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / count(values.len() - 1)).sqrt()
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

/// Bytes as MiB.
pub(super) fn mib(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}

/// As [`count`], of what the kernel counts.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
pub(super) fn number(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_on_both_sides_do_not_move_the_mean() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let wild = [-900.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 800.0];
        let (calm, wild) = (Estimate::of(&values).unwrap(), Estimate::of(&wild).unwrap());
        assert!((calm.value - 4.5).abs() < 1e-9);
        assert!((wild.value - 4.5).abs() < 1e-9);
        assert!((calm.error - wild.error).abs() < 1e-9);
    }

    #[test]
    fn the_error_is_that_of_the_formula() {
        // Pulled in: 3 3 3 4 5 6 6 6; deviation 1.4142, kept half, eight values.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let error = Estimate::of(&values).unwrap().error;
        assert!((error - 1.0).abs() < 1e-3, "{error}");
    }

    #[test]
    fn what_is_within_two_errors_of_zero_is_called_noise() {
        let small = Estimate {
            value: 0.005,
            error: 0.003,
            rounds: 9,
        };
        let large = Estimate {
            value: 0.02,
            ..small
        };
        assert_eq!(small.to_string(), "0.5 ± 0.3 % (noise)");
        assert_eq!(large.to_string(), "2.0 ± 0.3 %");
    }

    #[test]
    fn a_quotient_carries_both_errors() {
        let one = Estimate {
            value: 0.1,
            error: 0.003,
            rounds: 9,
        };
        let other = Estimate {
            value: 0.4,
            error: 0.016,
            rounds: 5,
        };
        let quotient = one.over(&other).unwrap();
        assert!((quotient.value - 0.25).abs() < 1e-9);
        assert!((quotient.error - 0.25 * 0.05).abs() < 1e-9);
        assert_eq!(quotient.rounds, 5);
        assert_eq!(one.over(&Estimate::default()), None);
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[f64::NAN]), None);
    }
}
