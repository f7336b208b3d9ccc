//! The only place that turns the tracker's clock into wall time.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use jiff::tz::Offset;
use rustix::time::{ClockId, clock_gettime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use finback_core::model::time::Timestamp;

/// A smaller difference between two measurements is the noise of measuring or the slewing of NTP: following
/// it would change the `start_time` of a process from one event to the next.
const STEP_NS: u64 = 10_000_000;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Wall time of a moment of `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// `CLOCK_REALTIME - CLOCK_BOOTTIME`: when the host was booted.
    boot: u64,
}

impl WallClock {
    /// A clock of a host booted at this moment, nanoseconds of Unix time.
    pub const fn from_boot(unix_ns: u64) -> Self {
        Self { boot: unix_ns }
    }

    /// When the host was booted by this clock, nanoseconds of Unix time.
    pub const fn boot(self) -> u64 {
        self.boot
    }

    /// Compares the two clocks now.
    #[must_use]
    pub fn measure() -> Self {
        Self { boot: boot_time() }
    }

    /// Compares them again and follows if somebody has set the clock. Returns whether it did.
    pub fn remeasure(&mut self) -> bool {
        let is_off = |boot: u64| self.boot.abs_diff(boot) > STEP_NS;
        if !is_off(reading().1) {
            return false;
        }
        // That one may have been interrupted.
        let boot = boot_time();
        let stepped = is_off(boot);
        if stepped {
            self.boot = boot;
        }
        stepped
    }

    /// Wall time of a moment.
    pub const fn at(self, moment: Timestamp) -> Time {
        Time {
            unix_ns: self.boot.saturating_add(moment.as_nanos()),
        }
    }
}

/// The best of a few tries: one that was interrupted between the two readings is off by that.
fn boot_time() -> u64 {
    let readings = (0..5).map(|_| reading());
    readings.min().map_or(0, |(_, boot)| boot)
}

/// How exact it is, and when the host was booted.
fn reading() -> (u64, u64) {
    let before = nanos(ClockId::Boottime);
    let real = nanos(ClockId::Realtime);
    let after = nanos(ClockId::Boottime);
    let middle = before.midpoint(after);
    (after.saturating_sub(before), real.saturating_sub(middle))
}

fn nanos(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * NANOS_PER_SECOND
        + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Wall time as every event shows it: RFC 3339, UTC, nine digits after the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    unix_ns: u64,
}

impl Time {
    /// From nanoseconds since 1970 (good until 2554).
    pub const fn from_unix_nanos(unix_ns: u64) -> Self {
        Self { unix_ns }
    }

    /// The wall clock.
    pub fn now() -> Self {
        Self {
            unix_ns: nanos(ClockId::Realtime),
        }
    }

    /// Nanoseconds since 1970.
    pub const fn as_unix_nanos(self) -> u64 {
        self.unix_ns
    }

    /// The text, without an allocation: this is written for every event.
    pub(super) fn render(self) -> [u8; LEN] {
        let seconds = i64::try_from(self.unix_ns / NANOS_PER_SECOND).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let civil = Offset::UTC.to_datetime(moment);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        put(&mut text[0..4], u64::from(civil.year().unsigned_abs()));
        put(&mut text[5..7], u64::from(civil.month().unsigned_abs()));
        put(&mut text[8..10], u64::from(civil.day().unsigned_abs()));
        put(&mut text[11..13], u64::from(civil.hour().unsigned_abs()));
        put(&mut text[14..16], u64::from(civil.minute().unsigned_abs()));
        put(&mut text[17..19], u64::from(civil.second().unsigned_abs()));
        put(&mut text[20..29], self.unix_ns % NANOS_PER_SECOND);
        text
    }

    /// Time since an earlier moment; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.unix_ns.saturating_sub(earlier.unix_ns))
    }

    /// `YYYY-MM-DD`, UTC, for human eyes.
    pub fn date(self) -> String {
        let text = self.render();
        String::from_utf8_lossy(&text[..10]).into_owned()
    }

    /// `HH:MM:SS.mmm`, UTC, for human eyes.
    pub fn clock(self) -> impl fmt::Display {
        let text = self.render();
        let mut clock = [0; 12];
        clock.copy_from_slice(&text[11..23]);
        Ascii(clock)
    }
}

/// Length of the text.
pub(super) const LEN: usize = 30;

/// Writes a number right-aligned; the field is already filled with zeros.
fn put(field: &mut [u8], mut number: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

struct Ascii<const N: usize>([u8; N]);

impl<const N: usize> Ascii<N> {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Display for Ascii<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Ascii(self.render()).as_str())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Ascii(self.render()).as_str())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let moment = jiff::Timestamp::from_str(&text).map_err(de::Error::custom)?;
        let unix_ns = u64::try_from(moment.as_nanosecond()).map_err(de::Error::custom)?;
        Ok(Self { unix_ns })
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339, UTC, nanoseconds",
            "type": "string",
            "format": "date-time",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_has_nine_digits_and_a_z() {
        let time = Time::from_unix_nanos(1_795_353_944_000_000_007);
        assert_eq!(time.to_string(), "2026-11-22T13:25:44.000000007Z");
        assert_eq!(time.clock().to_string(), "13:25:44.000");
    }

    proptest! {
        #[test]
        fn text_is_read_back_as_the_same_moment(unix_ns in any::<u64>()) {
            let time = Time::from_unix_nanos(unix_ns);
            let text = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
        }
    }

    #[test]
    fn a_new_measurement_agrees_with_the_first() {
        let mut clock = WallClock::measure();
        assert!(!clock.remeasure());
    }

    #[test]
    fn boot_and_moment_add_up() {
        let clock = WallClock::from_boot(1_000);
        assert_eq!(
            clock.at(Timestamp::from_nanos(5)),
            Time::from_unix_nanos(1_005)
        );
    }
}
