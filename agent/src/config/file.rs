//! The configuration file. Read key by key instead of through serde: an error then names the key, its line and
//! what is accepted there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Error;
use super::exception::exceptions;
use super::value::{Attach, RingBytes, StateSet, closest, duration};
use finback_core::model::finding::{Severity, Verdict};
use finback_core::settings::VerdictSettings;
use finback_core::settings::exception::Exception;

/// What a file says; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// `attach`.
    pub attach: Option<Attach>,
    /// `states`.
    pub states: Option<StateSet>,
    /// `ring_bytes`.
    pub ring_bytes: Option<RingBytes>,
    /// `max_sockets`.
    pub max_sockets: Option<u32>,
    /// `openers`.
    pub openers: Option<u32>,
    /// `scan_interval`.
    pub scan_interval: Option<Duration>,
    /// `socket`.
    pub socket: Option<PathBuf>,
    /// `segment`.
    pub segment: Option<bool>,
    /// `stacks`.
    pub stacks: Option<bool>,
    /// `[thresholds]`.
    pub thresholds: BTreeMap<Verdict, Duration>,
    /// `[[override]]`.
    pub exceptions: Vec<Exception>,
    /// `[severities]`.
    pub severities: BTreeMap<Verdict, Severity>,
}

const KEYS: &[&str] = &[
    "attach",
    "max_sockets",
    "openers",
    "override",
    "ring_bytes",
    "scan_interval",
    "segment",
    "severities",
    "socket",
    "stacks",
    "states",
    "thresholds",
];

impl File {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a file; the path is for errors only.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let locate = |wrong: Wrong| Error::Wrong {
            path: path.to_owned(),
            line: text[..wrong.at.start.min(text.len())].matches('\n').count() + 1,
            what: wrong.what,
            help: wrong.help,
        };
        let table = DeTable::parse(text).map_err(|error| locate(Wrong::syntax(&error)))?;
        let mut file = Self::default();
        for (key, value) in table.get_ref() {
            file.set(key, value).map_err(locate)?;
        }
        Ok(file)
    }

    fn set(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<(), Wrong> {
        match &**key.get_ref() {
            "attach" => self.attach = Some(word(key, value)?),
            "max_sockets" => self.max_sockets = Some(sockets(key, value)?),
            "openers" => self.openers = Some(openers(key, value)?),
            "override" => self.exceptions = exceptions(key, value)?,
            "ring_bytes" => self.ring_bytes = Some(ring(key, value)?),
            "scan_interval" => self.scan_interval = Some(time(key, value)?),
            "segment" => self.segment = Some(switch(key, value)?),
            "socket" => self.socket = Some(absolute(key, value)?),
            "stacks" => self.stacks = Some(switch(key, value)?),
            "states" => self.states = Some(states(key, value)?),
            "severities" => self.severities = per_verdict(key, value, severity)?,
            "thresholds" => self.thresholds = per_verdict(key, value, threshold)?,
            _ => return Err(Wrong::unknown(key, "key", KEYS.iter().copied())),
        }
        Ok(())
    }
}

pub(super) type Key<'i> = Spanned<toml::de::DeString<'i>>;
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// What is wrong at a place of the text.
pub(super) struct Wrong {
    at: Range<usize>,
    what: String,
    help: String,
}

impl Wrong {
    fn syntax(error: &toml::de::Error) -> Self {
        Self {
            at: error.span().unwrap_or_default(),
            what: format!("not valid TOML: {}", error.message().replace('\n', ", ")),
            help: "write `key = value`, strings in double quotes".to_owned(),
        }
    }

    pub(super) fn unknown(
        key: &Key<'_>,
        noun: &str,
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Self {
        let all: Vec<&str> = known.clone().collect();
        let guess = closest(key.get_ref(), known);
        let guess = guess.map_or_else(String::new, |word| format!("did you mean `{word}`? "));
        Self {
            at: key.span(),
            what: format!("unknown {noun} `{}`", key.get_ref()),
            help: format!("{guess}known are {}", all.join(", ")),
        }
    }

    pub(super) fn value(key: &Key<'_>, value: &Value<'_>, help: impl Into<String>) -> Self {
        Self {
            at: value.span(),
            what: format!(
                "wrong value for `{}`: {}",
                key.get_ref(),
                shown(value.get_ref())
            ),
            help: help.into(),
        }
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            format!("a TOML {}", value.type_str())
        }
    }
}

fn word<T: std::str::FromStr<Err = String>>(key: &Key<'_>, value: &Value<'_>) -> Result<T, Wrong> {
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

fn ring(key: &Key<'_>, value: &Value<'_>) -> Result<RingBytes, Wrong> {
    match integer(value) {
        Some(bytes) => RingBytes::new(bytes).map_err(|help| Wrong::value(key, value, help)),
        None => word(key, value),
    }
}

fn sockets(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| super::value::MAX_SOCKETS.contains(number))
        .ok_or_else(|| Wrong::value(key, value, super::value::max_sockets_help()))
}

fn openers(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| number.is_power_of_two() && (64..=1 << 20).contains(number))
        .ok_or_else(|| {
            let help = "use a power of two from 64 to 1048576".to_owned();
            Wrong::value(key, value, help)
        })
}

fn switch(key: &Key<'_>, value: &Value<'_>) -> Result<bool, Wrong> {
    let switch = value.get_ref().as_bool();
    switch.ok_or_else(|| Wrong::value(key, value, "use true or false"))
}

fn absolute(key: &Key<'_>, value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let path = value.get_ref().as_str().map(PathBuf::from);
    path.filter(|path| path.is_absolute()).ok_or_else(|| {
        Wrong::value(
            key,
            value,
            "use an absolute path, for example \"/run/finback/finback.sock\"",
        )
    })
}

fn states(key: &Key<'_>, value: &Value<'_>) -> Result<StateSet, Wrong> {
    let Some(array) = value.get_ref().as_array() else {
        let text = value.get_ref().as_str();
        let text = text.ok_or_else(|| {
            Wrong::value(
                key,
                value,
                "use a list: states = [\"close_wait\", \"closed\"]",
            )
        })?;
        return super::value::states(text).map_err(|help| Wrong::value(key, value, help));
    };
    let none = StateSet::of(&[]);
    array
        .iter()
        .try_fold(none, |all, value| Ok(all.union(word(key, value)?)))
}

pub(super) fn severity(_any: Verdict, key: &Key<'_>, value: &Value<'_>) -> Result<Severity, Wrong> {
    let known = [Severity::Info, Severity::Warning, Severity::Critical];
    let text = value.get_ref().as_str();
    let found = known
        .into_iter()
        .find(|severity| Some(severity.name()) == text);
    found.ok_or_else(|| Wrong::value(key, value, "use one of \"info\", \"warning\", \"critical\""))
}

/// Shortest threshold.
const THRESHOLD_MIN: Duration = Duration::from_millis(100);

/// How long something must last; zero where that is the default.
pub(super) fn threshold(
    verdict: Verdict,
    key: &Key<'_>,
    value: &Value<'_>,
) -> Result<Duration, Wrong> {
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

fn time(key: &Key<'_>, value: &Value<'_>) -> Result<Duration, Wrong> {
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
