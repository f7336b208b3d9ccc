//! So many a second.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How fast something may be done that others feel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(u32);

/// At most: more is no limit.
const MOST: u32 = 100_000;

/// Not all of those that reconnect do so at once.
impl Default for Rate {
    fn default() -> Self {
        Self(100)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        let number = number.parse().ok();
        let number = number.filter(|number| (1..=MOST).contains(number));
        number.map(Self).ok_or_else(|| {
            format!("use a whole number a second from 1 to {MOST}, for example 100/s")
        })
    }
}

/// Keeps to a rate.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    start: Instant,
    done: u32,
}

impl Pace {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            start: Instant::now(),
            done: 0,
        }
    }

    /// Waits until the next may be done.
    pub(super) fn wait(&mut self) {
        let due = Duration::from_secs(1) * self.done / self.rate.0;
        self.done = self.done.saturating_add(1);
        std::thread::sleep(due.saturating_sub(self.start.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_a_second() {
        assert_eq!("100/s".parse(), Ok(Rate(100)));
        assert_eq!("7".parse(), Ok(Rate(7)));
        for wrong in ["0", "-1", "5/m", "100001", "", "/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_more_are_done_than_the_rate_allows() {
        let mut pace = Pace::new(Rate(100));
        let start = Instant::now();
        (0..4).for_each(|_| pace.wait());
        assert!(start.elapsed() >= Duration::from_millis(30));
    }
}
