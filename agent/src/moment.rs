//! Moments and counts as people write them, on the command line and in URLs alike. Errors are sentences that say what is
//! accepted.

use std::str::FromStr as _;
use std::time::Duration;

use jiff::civil::{self, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};

use crate::output::clock::Time;

const HELP: &str = "use how long ago (10m, 2h, 1d), a time of day (03:00) or a date (2026-11-27, 2026-11-27 03:00): UTC, as finback \
                    writes it, unless it ends with an offset (2026-11-27T03:00:00+01:00)";

/// Lines that can be asked for at once: they are held in memory.
const MOST: usize = 1_000_000;

/// A moment of the past. A time of day is the last one that has been.
pub fn parse(text: &str, now: Time) -> Result<Time, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    let found = ago(text, now)
        .or_else(|| Timestamp::from_str(text).ok())
        .or_else(|| civil(text))
        // Last: jiff would take it from a date with an hour, too.
        .or_else(|| of_day(text, now));
    let nanos = found.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok());
    nanos
        .map(Time::from_unix_nanos)
        .ok_or_else(|| HELP.to_owned())
}

/// A number of lines.
pub fn count(text: &str) -> Result<usize, String> {
    let number = text.trim().parse().ok();
    number
        .filter(|number| (1..=MOST).contains(number))
        .ok_or_else(|| {
            format!("use a number of lines from 1 to {MOST}; for a time there is `since`")
        })
}

fn timestamp(time: Time) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(time.as_unix_nanos())).ok()
}

fn ago(text: &str, now: Time) -> Option<Timestamp> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    // jiff would take `03:00` as three hours.
    let begins = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(':');
    let span = begins.then(|| Span::from_str(text).ok()).flatten()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let length = Duration::try_from(length).ok()?;
    timestamp(now)?.checked_sub(length).ok()
}

fn of_day(text: &str, now: Time) -> Option<Timestamp> {
    // ISO 8601 would take `10` as ten o'clock.
    let time = text
        .contains(':')
        .then(|| civil::Time::from_str(text).ok())
        .flatten()?;
    let now = timestamp(now)?;
    let day = now.to_zoned(TimeZone::UTC).date();
    let day = [Some(day), day.yesterday().ok()].into_iter().flatten();
    day.filter_map(|day| in_utc(day.to_datetime(time)))
        .find(|moment| *moment <= now)
}

fn civil(text: &str) -> Option<Timestamp> {
    in_utc(DateTime::from_str(text).ok()?)
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    let zoned = time.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 13:25:44 UTC.
    const NOW: Time = Time::from_unix_nanos(1_795_353_944_000_000_000);

    fn parsed(text: &str) -> String {
        parse(text, NOW).unwrap().to_string()
    }

    #[test]
    fn people_say_how_long_ago_at_which_hour_or_on_which_day() {
        for (text, moment) in [
            ("now", "2026-11-22T13:25:44"),
            ("10m", "2026-11-22T13:15:44"),
            ("2h ago", "2026-11-22T11:25:44"),
            ("1h30m", "2026-11-22T11:55:44"),
            ("1d", "2026-11-21T13:25:44"),
            ("30 minutes ago", "2026-11-22T12:55:44"),
            ("03:00", "2026-11-22T03:00:00"),
            ("13:25:44", "2026-11-22T13:25:44"),
            ("2026-11-20", "2026-11-20T00:00:00"),
            ("2026-11-20 03:00", "2026-11-20T03:00:00"),
            ("2026-11-20T03:00:01", "2026-11-20T03:00:01"),
            ("2026-11-20T03:00:00Z", "2026-11-20T03:00:00"),
            ("2026-11-20 03:00+01:00", "2026-11-20T02:00:00"),
            ("2026-11-20T03:00:00.5-02:00", "2026-11-20T05:00:00"),
        ] {
            assert!(parsed(text).starts_with(moment), "{text}: {}", parsed(text));
        }
    }

    #[test]
    fn an_hour_that_has_not_come_today_is_yesterdays() {
        assert!(parsed("14:00").starts_with("2026-11-21T14:00:00"));
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        for wrong in [
            "",
            "10",
            "yesterday",
            "-5m",
            "25:00",
            "2026-13-01",
            "soon",
            "1900-01-01",
            "99999999999h",
        ] {
            let error = parse(wrong, NOW).unwrap_err();
            assert!(error.contains("2026-11-27 03:00"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_count_is_no_time() {
        assert_eq!(count("100"), Ok(100));
        for wrong in ["0", "10m", "-1", "1000001", ""] {
            assert!(count(wrong).unwrap_err().contains("`since`"), "{wrong}");
        }
    }
}
