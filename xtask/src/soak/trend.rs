//! Whether a curve rises.

/// Of the time, what is left out at the beginning: caches fill, and an allocator takes what it will need.
const WARM_UP: f64 = 1.0 / 6.0;
/// Values next to each other are not independent; means of stretches as long as this part of the time are, nearly.
const BLOCKS: usize = 12;

/// A straight line through a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    /// Per hour.
    pub(super) slope: f64,
    /// Standard error of the slope.
    pub(super) error: f64,
    /// Mean of the first stretch after the warm-up.
    pub(super) first: f64,
    /// Mean of the last stretch.
    pub(super) last: f64,
}

impl Trend {
    /// Least squares through the means of twelve stretches of equal length, without the first sixth of the time. Points
    /// are (seconds, value), in the order of time. `None` if a stretch is empty.
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let end = points.last()?.0;
        let begin = end * WARM_UP;
        let width = (end - begin) / count(BLOCKS);
        let mut means = Vec::new();
        for block in 0..BLOCKS {
            let from = begin + width * count(block);
            let is_last = block + 1 == BLOCKS;
            let is_in = |time: f64| time >= from && (time < from + width || is_last);
            let values: Vec<f64> = points
                .iter()
                .filter(|(time, _)| is_in(*time))
                .map(|(_, value)| *value)
                .collect();
            if values.is_empty() {
                return None;
            }
            means.push((from + width / 2.0, mean(&values)));
        }
        let (slope, error) = line(&means);
        Some(Self {
            slope: slope * 3_600.0,
            error: error * 3_600.0,
            first: means.first()?.1,
            last: means.last()?.1,
        })
    }

    /// Whether it cannot be told from a curve that stays where it is: what rises for certain (more than two standard
    /// errors) is less than `least` an hour.
    pub(super) fn is_flat(&self, least: f64) -> bool {
        self.slope - 2.0 * self.error <= least
    }
}

/// Slope and its standard error.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let times: Vec<f64> = points.iter().map(|(time, _)| *time).collect();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let (time, value) = (mean(&times), mean(&values));
    let spread: f64 = times.iter().map(|t| (t - time).powi(2)).sum();
    let together: f64 = points.iter().map(|(t, v)| (t - time) * (v - value)).sum();
    let slope = together / spread;
    let left: f64 = points
        .iter()
        .map(|(t, v)| (v - value - slope * (t - time)).powi(2))
        .sum();
    (slope, (left / count(points.len() - 2) / spread).sqrt())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^53")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 5 s for an hour, with noise that is the same each time.
    fn curve(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let mut noise: u64 = 1;
        let points = (1..=720).map(|step| {
            let time = 5.0 * f64::from(step);
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let dice = f64::from(u16::try_from(noise >> 48).unwrap_or(0)) / 65_536.0;
            (time, value(time) + 200.0 * (dice - 0.5))
        });
        points.collect()
    }

    #[test]
    fn noise_is_flat_and_so_is_what_came_at_the_beginning() {
        let flat = Trend::of(&curve(|_| 30_000.0)).unwrap();
        assert!(flat.is_flat(0.0) || flat.slope < 20.0, "{flat:?}");
        let warm = Trend::of(&curve(|time| 30_000.0 - 9_000.0 * (-time / 60.0).exp())).unwrap();
        assert!(warm.is_flat(64.0), "{warm:?}");
    }

    #[test]
    fn a_leak_of_half_a_byte_per_connection_is_seen() {
        // 7.2 million connections an hour.
        let leak = Trend::of(&curve(|time| 30_000.0 + time)).unwrap();
        assert!(!leak.is_flat(256.0), "{leak:?}");
        assert!((leak.slope - 3_600.0).abs() < 100.0, "{leak:?}");
    }

    #[test]
    fn too_few_points_say_nothing() {
        assert_eq!(Trend::of(&[(5.0, 1.0), (10.0, 1.0)]), None);
        assert_eq!(Trend::of(&[]), None);
    }
}
