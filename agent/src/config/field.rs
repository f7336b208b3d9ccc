//! What a key accepts: each value checked, and made what it stands for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::value::{self, MAX_SOCKETS, RingBytes, StateSet, max_sockets_help};
use super::wrong::{Key, Value, Wrong};
use crate::filter::Filter;
use crate::value::duration;
use finback_core::model::finding::{Severity, Verdict};
use finback_core::settings::verdict::{Level, NEVER, VerdictSettings};

pub(super) fn word<T: std::str::FromStr<Err = String>>(
    key: &Key<'_>,
    value: &Value<'_>,
) -> Result<T, Wrong> {
    let parsed = value.get_ref().as_str().map(str::parse);
    match parsed {
        Some(Ok(parsed)) => Ok(parsed),
        Some(Err(help)) => Err(Wrong::value(key, value, help)),
        None => Err(Wrong::value(
            key,
            value,
            "write it as a string in double quotes",
        )),
    }
}

pub(super) fn integer(value: &Value<'_>) -> Option<u64> {
    let number = value.get_ref().as_integer()?;
    u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}

pub(super) fn ring(key: &Key<'_>, value: &Value<'_>) -> Result<RingBytes, Wrong> {
    match integer(value) {
        Some(bytes) => RingBytes::new(bytes).map_err(|help| Wrong::value(key, value, help)),
        None => word(key, value),
    }
}

pub(super) fn sockets(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| MAX_SOCKETS.contains(number))
        .ok_or_else(|| Wrong::value(key, value, max_sockets_help()))
}

pub(super) fn openers(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| number.is_power_of_two() && (64..=1 << 20).contains(number))
        .ok_or_else(|| {
            let help = "use a power of two from 64 to 1048576".to_owned();
            Wrong::value(key, value, help)
        })
}

pub(super) fn switch(key: &Key<'_>, value: &Value<'_>) -> Result<bool, Wrong> {
    let switch = value.get_ref().as_bool();
    switch.ok_or_else(|| Wrong::value(key, value, "use true or false"))
}

pub(super) fn absolute(key: &Key<'_>, value: &Value<'_>, example: &str) -> Result<PathBuf, Wrong> {
    let path = value.get_ref().as_str().map(PathBuf::from);
    path.filter(|path| path.is_absolute()).ok_or_else(|| {
        let help = format!("use an absolute path, for example \"{example}\"");
        Wrong::value(key, value, help)
    })
}

/// `""` for none.
pub(super) fn filter(key: &Key<'_>, value: &Value<'_>) -> Result<Option<Filter>, Wrong> {
    match value.get_ref().as_str().map(str::parse::<Filter>) {
        _ if value.get_ref().as_str() == Some("") => Ok(None),
        Some(Ok(filter)) => Ok(Some(filter)),
        Some(Err(error)) => {
            let help = format!("column {}: {}", error.column(), error.help());
            Err(Wrong::value(key, value, help))
        }
        None => {
            let help = "use a string, for example \"not comm = backup\"";
            Err(Wrong::value(key, value, help))
        }
    }
}

pub(super) fn states(key: &Key<'_>, value: &Value<'_>) -> Result<StateSet, Wrong> {
    let Some(array) = value.get_ref().as_array() else {
        let text = value.get_ref().as_str();
        let text = text.ok_or_else(|| {
            Wrong::value(
                key,
                value,
                "use a list: states = [\"close_wait\", \"closed\"]",
            )
        })?;
        return value::states(text).map_err(|help| Wrong::value(key, value, help));
    };
    let none = StateSet::of(&[]);
    array
        .iter()
        .try_fold(none, |all, value| Ok(all.union(word(key, value)?)))
}

/// The word for what is never told.
pub(super) const OFF: &str = "off";
const AUTO: &str = "auto";

/// How bad findings of a verdict are.
pub(super) fn level(_any: Verdict, key: &Key<'_>, value: &Value<'_>) -> Result<Level, Wrong> {
    match value.get_ref().as_str() {
        Some(AUTO) => Ok(Level::Auto),
        Some(OFF) => Ok(Level::Off),
        _ => severity(value)
            .map(Level::Fixed)
            .ok_or_else(|| one_of(key, value, &[AUTO])),
    }
}

/// A severity, if it is one.
pub(super) fn severity(value: &Value<'_>) -> Option<Severity> {
    let text = value.get_ref().as_str()?;
    SEVERITIES
        .into_iter()
        .find(|severity| severity.name() == text)
}

/// A severity and nothing else.
pub(super) fn bad(key: &Key<'_>, value: &Value<'_>) -> Result<Severity, Wrong> {
    let words = SEVERITIES.into_iter().map(Severity::name);
    severity(value).ok_or_else(|| Wrong::word(key, value, words))
}

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

/// What is wrong with a word that should be a severity, `off`, or one of these.
pub(super) fn one_of(key: &Key<'_>, value: &Value<'_>, more: &[&'static str]) -> Wrong {
    let words = more.iter().copied().chain(SEVERITIES.map(Severity::name));
    Wrong::word(key, value, words.chain([OFF]))
}

/// Shortest threshold.
const THRESHOLD_MIN: Duration = Duration::from_millis(100);

/// How long something must last; zero where that is the default, for ever if it is off.
pub(super) fn threshold(
    verdict: Verdict,
    key: &Key<'_>,
    value: &Value<'_>,
) -> Result<Duration, Wrong> {
    if value.get_ref().as_str() == Some(OFF) {
        return Ok(NEVER);
    }
    let after = time(key, value)?;
    let may_be_zero = VerdictSettings::default_of(verdict).after.is_zero();
    if after >= THRESHOLD_MIN || (after.is_zero() && may_be_zero) {
        return Ok(after);
    }
    let zero = if may_be_zero { "0ms or " } else { "" };
    let help = format!(
        "use {zero}at least 100ms: a shorter time is over before the application had its turn"
    );
    Err(Wrong::value(key, value, help))
}

pub(super) fn time(key: &Key<'_>, value: &Value<'_>) -> Result<Duration, Wrong> {
    let text = value.get_ref().as_str();
    let text = text.ok_or_else(|| {
        Wrong::value(
            key,
            value,
            "use a string, for example \"500ms\", \"10s\" or \"2m\"",
        )
    })?;
    duration(text).map_err(|help| Wrong::value(key, value, help))
}

pub(super) fn per_verdict<T>(
    key: &Key<'_>,
    value: &Value<'_>,
    parse: impl Fn(Verdict, &Key<'_>, &Value<'_>) -> Result<T, Wrong>,
) -> Result<BTreeMap<Verdict, T>, Wrong> {
    let table = value.get_ref().as_table();
    let table = table.ok_or_else(|| {
        Wrong::value(
            key,
            value,
            format!(
                "use a section [{}] with one line per verdict",
                key.get_ref()
            ),
        )
    })?;
    let names = Verdict::ALL.iter().map(|verdict| verdict.name());
    table
        .iter()
        .map(|(name, value)| {
            let found = Verdict::ALL
                .iter()
                .find(|verdict| verdict.name() == name.get_ref());
            let verdict = found.ok_or_else(|| Wrong::unknown(name, "verdict", names.clone()))?;
            Ok((*verdict, parse(*verdict, name, value)?))
        })
        .collect()
}
