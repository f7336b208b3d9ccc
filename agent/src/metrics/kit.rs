//! Small things of which families are made.

use std::time::Duration;

use super::family::{Family, Kind, Labels, Unit};

/// As Prometheus has all numbers: counts above 2^53 lose their last digits.
#[expect(clippy::cast_precision_loss, reason = "that is so in every exporter")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// A gauge with one series.
pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Family {
    Family::new(name, Kind::Gauge, help).with(Labels::new(), value)
}

/// A counter with one series.
pub fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    Family::new(name, Kind::Counter, help).with(Labels::new(), number(value))
}

/// A counter of time.
pub fn time(name: &'static str, help: &'static str, value: Duration) -> Family {
    let family = Family::new(name, Kind::Counter, help).unit(Unit::Seconds);
    family.with(Labels::new(), value.as_secs_f64())
}

/// One label.
pub fn label(name: &'static str, value: impl Into<String>) -> Labels {
    vec![(name, value.into())]
}
