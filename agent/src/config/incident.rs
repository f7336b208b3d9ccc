//! `[incidents]`: when an incident is a warning, and how often it is told.

use std::collections::BTreeMap;

use super::field::{OFF, integer, one_of, severity, time};
use super::wrong::{Key, Value, Wrong};
use finback_core::settings::incident::{self as core, IncidentSettings};

/// A section of settings, over what was set before.
pub(super) fn all(
    key: &Key<'_>,
    value: &Value<'_>,
    set: &mut IncidentSettings,
) -> Result<(), Wrong> {
    for (name, value) in some(key, value)? {
        set.set(&name, value);
    }
    Ok(())
}

/// Those settings that a section names.
pub(super) fn some(
    key: &Key<'_>,
    value: &Value<'_>,
) -> Result<BTreeMap<String, core::Value>, Wrong> {
    let table = value.get_ref().as_table();
    let table = table.ok_or_else(|| {
        let help = "use a section [incidents] with one line per setting";
        Wrong::value(key, value, help)
    })?;
    table
        .iter()
        .map(|(name, value)| Ok((name.get_ref().to_string(), setting(name, value)?)))
        .collect()
}

fn setting(name: &Key<'_>, value: &Value<'_>) -> Result<core::Value, Wrong> {
    let names = IncidentSettings::NAMES.iter().copied();
    let default = IncidentSettings::default().get(name.get_ref());
    let default = default.ok_or_else(|| Wrong::unknown(name, "setting", names))?;
    if value.get_ref().as_str() == Some(OFF) {
        return off(name, value);
    }
    match default {
        core::Value::Number(_) => number(name, value).map(core::Value::Number),
        core::Value::Time(_) => time(name, value).map(core::Value::Time),
        core::Value::Severity(_) | core::Value::Off => severity(value)
            .map(core::Value::Severity)
            .ok_or_else(|| one_of(name, value, &[])),
    }
}

/// Only what makes an incident worse, or tells it, can be off.
fn off(name: &Key<'_>, value: &Value<'_>) -> Result<core::Value, Wrong> {
    let may_be = IncidentSettings::default().set(name.get_ref(), core::Value::Off);
    may_be.then_some(core::Value::Off).ok_or_else(|| {
        Wrong::value(
            name,
            value,
            "this one cannot be off: use a number or a time",
        )
    })
}

fn number(name: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    let number = number.ok_or_else(|| Wrong::value(name, value, "use a whole number"))?;
    if name.get_ref().ends_with("percent") && number > 100 {
        return Err(Wrong::value(name, value, "use a number from 0 to 100"));
    }
    Ok(number)
}
