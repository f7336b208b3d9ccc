//! Values as people write them, wherever they do: in the file, on the command line, in a filter.

use std::time::Duration;

/// The accepted word nearest to a wrong one, if any is near.
pub(crate) fn closest<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    words
        .map(|word| (strsim::jaro_winkler(&wrong.to_lowercase(), word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// A duration: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "use a whole number and a unit, for example 500ms, 10s, 2m or 1h".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok().ok_or_else(wrong)?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}
