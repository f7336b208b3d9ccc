//! `[history]`: what is kept on disk, where and how much.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::field::{absolute, filter, integer, switch, time};
use super::value;
use super::wrong::{Key, Value, Wrong};
use crate::filter::Filter;
use crate::output::select::{Kind, Selection};

/// Where it is kept.
pub const DEFAULT_HISTORY: &str = "/var/lib/finback/history";

const DEFAULT_MAX_BYTES: u64 = 64 << 20;
const DEFAULT_MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// Less would not hold a few frames; more is not read through in reasonable time.
const MAX_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=64 << 30;
const SHORTEST: Duration = Duration::from_mins(1);

/// The history that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The folder, the history's own.
    pub path: PathBuf,
    /// Never larger than that, bytes.
    pub max_bytes: u64,
    /// What is older goes.
    pub max_age: Duration,
    /// Which events.
    pub select: Selection,
    /// Of these only what this selects.
    pub filter: Option<Filter>,
}

/// `--history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryArg {
    /// None.
    Off,
    /// In this folder.
    In(PathBuf),
}

impl FromStr for HistoryArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "" => Err("use a folder, or off".to_owned()),
            path => Ok(Self::In(path.into())),
        }
    }
}

/// What a file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryWords {
    enabled: Option<bool>,
    path: Option<PathBuf>,
    max_bytes: Option<u64>,
    max_age: Option<Duration>,
    select: Option<Selection>,
    filter: Option<Filter>,
}

impl HistoryWords {
    /// Whether all is said that has a value by default.
    #[cfg(test)]
    pub(super) const fn is_complete(&self) -> bool {
        let Self {
            enabled,
            path,
            max_bytes,
            max_age,
            select,
            filter: _,
        } = self;
        enabled.is_some()
            && path.is_some()
            && max_bytes.is_some()
            && max_age.is_some()
            && select.is_some()
    }

    pub(super) fn join(self, flag: Option<HistoryArg>) -> Option<History> {
        let path = match flag {
            Some(HistoryArg::Off) => return None,
            Some(HistoryArg::In(path)) => path,
            None if self.enabled == Some(false) => return None,
            None => self.path.unwrap_or_else(|| DEFAULT_HISTORY.into()),
        };
        let usual = || Selection::of([Kind::Incident, Kind::Finding, Kind::Remedy]);
        Some(History {
            path,
            max_bytes: self.max_bytes.unwrap_or(DEFAULT_MAX_BYTES),
            max_age: self.max_age.unwrap_or(DEFAULT_MAX_AGE),
            select: self.select.unwrap_or_else(usual),
            filter: self.filter,
        })
    }
}

const KEYS: &[&str] = &[
    "enabled",
    "filter",
    "max_age",
    "max_bytes",
    "path",
    "select",
];

/// The section.
pub(super) fn words(key: &Key<'_>, value: &Value<'_>) -> Result<HistoryWords, Wrong> {
    let table = value.get_ref().as_table();
    let table = table.ok_or_else(|| {
        Wrong::value(
            key,
            value,
            "use a section [history] with one line per setting",
        )
    })?;
    let mut words = HistoryWords::default();
    for (name, value) in table {
        match &**name.get_ref() {
            "enabled" => words.enabled = Some(switch(name, value)?),
            "filter" => words.filter = filter(name, value)?,
            "max_age" => words.max_age = Some(age(name, value)?),
            "max_bytes" => words.max_bytes = Some(size(name, value)?),
            "path" => words.path = Some(absolute(name, value, DEFAULT_HISTORY)?),
            "select" => words.select = Some(kinds(name, value)?),
            _ => return Err(Wrong::unknown(name, "setting", KEYS.iter().copied())),
        }
    }
    Ok(words)
}

fn size(key: &Key<'_>, value: &Value<'_>) -> Result<u64, Wrong> {
    let bytes = match value.get_ref().as_str() {
        Some(text) => value::bytes(text).ok(),
        None => integer(value),
    };
    bytes
        .filter(|bytes| MAX_BYTES.contains(bytes))
        .ok_or_else(|| {
            let help = "use a size from 1MiB to 64GiB, for example \"64MiB\"";
            Wrong::value(key, value, help)
        })
}

fn age(key: &Key<'_>, value: &Value<'_>) -> Result<Duration, Wrong> {
    let age = time(key, value)?;
    if age >= SHORTEST {
        return Ok(age);
    }
    Err(Wrong::value(key, value, "use at least 1m"))
}

fn kinds(key: &Key<'_>, value: &Value<'_>) -> Result<Selection, Wrong> {
    let text = value.get_ref().as_str();
    let kinds = text.map(str::parse::<Selection>);
    match kinds {
        Some(Ok(kinds)) => Ok(kinds),
        Some(Err(unknown)) => Err(Wrong::value(key, value, unknown.to_string())),
        None => {
            let help = "use a string, for example \"incident,finding\"";
            Err(Wrong::value(key, value, help))
        }
    }
}
