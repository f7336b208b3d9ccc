//! Times of settings, as people say them.

use std::fmt::{self, Display};
use std::time::Duration;

/// In one or two units, cut to the last: `75 s`, `15 min`, `2 h 11 min`, `3 d 4 h`.
pub(super) struct Span(pub(super) Duration);

/// As long as seconds are told.
const SECONDS: u64 = 120;

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match seconds {
            0 => format!("{} ms", self.0.as_millis()),
            1..SECONDS => format!("{seconds} s"),
            SECONDS..3_600 => format!("{} min", seconds / 60),
            3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
            _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
        };
        f.pad(&text)
    }
}

fn two(large: u64, unit: &str, small: u64, part: &str) -> String {
    if small == 0 {
        format!("{large} {unit}")
    } else {
        format!("{large} {unit} {small} {part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units_at_most() {
        let span = |seconds| Span(Duration::from_secs(seconds)).to_string();
        let spans: Vec<String> = [75, 924, 7_200, 7_875, 90_000, 86_400]
            .into_iter()
            .map(span)
            .collect();
        assert_eq!(
            spans,
            ["75 s", "15 min", "2 h", "2 h 11 min", "1 d 1 h", "1 d"]
        );
        assert_eq!(Span(Duration::from_millis(250)).to_string(), "250 ms");
    }
}
