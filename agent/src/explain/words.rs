//! Short words for durations, numbers and processes.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::output::json::{Holder, Process, State};
use crate::output::table::spelt;
pub(super) use crate::output::text::word as wire;

/// "0.4 s", "12 s", "3 min", "2 h", "5 days".
pub(super) struct Age(pub(super) Duration);

impl Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds / 60),
            7200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// "1 byte", "812 bytes", "64 KiB", "3.5 MiB".
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |unit: u64| (self.0 / unit, self.0 % unit * 10 / unit);
        match self.0 {
            1 => f.write_str("1 byte"),
            0..10_240 => write!(f, "{} bytes", self.0),
            10_240..1_048_576 => write!(f, "{} KiB", self.0 >> 10),
            _ => {
                let (whole, tenth) = tenths(1 << 20);
                write!(f, "{whole}.{tenth} MiB")
            }
        }
    }
}

/// "1 connection", "12 connections".
pub(super) fn count(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// By the name that `ss` shows.
pub(super) fn process(process: &Process<'_>) -> String {
    format!("{} (pid {})", process.comm, process.pid)
}

/// With the descriptor.
pub(super) fn holder(holder: &Holder<'_>) -> String {
    let Holder { pid, fd, comm, .. } = holder;
    format!("{comm} (pid {pid}, fd {fd})")
}

/// As `ss` spells it; what is over it does not show.
pub(super) fn state(state: State) -> &'static str {
    if state == State::Closed {
        "CLOSE"
    } else {
        spelt(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_short() {
        let age = |seconds| Age(Duration::from_secs(seconds)).to_string();
        assert_eq!(age(0), "0.0 s");
        assert_eq!(age(12), "12 s");
        assert_eq!(age(180), "3 min");
        assert_eq!(age(7200), "2 h");
        assert_eq!(age(500_000), "5 days");
        let bytes = |number| Bytes(number).to_string();
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(812), "812 bytes");
        assert_eq!(bytes(65_536), "64 KiB");
        assert_eq!(bytes(3_670_016), "3.5 MiB");
        assert_eq!(count(1_u32, "connection"), "1 connection");
        assert_eq!(count(0_u32, "connection"), "0 connections");
    }
}
