//! `[[remedy]]`: what is to be done about incidents.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::field::{integer, severity, switch, time, word};
use super::wrong::{Key, Value, Wrong};
use crate::export::http::Endpoint;
use crate::filter::Filter;
use crate::remedy::policy::{Action, On, Policy};
use finback_core::model::finding::Severity;

const KEYS: &[&str] = &[
    "action",
    "command",
    "connections",
    "cool_down",
    "dry_run",
    "match",
    "max_connections",
    "name",
    "on",
    "rate",
    "timeout",
    "url",
];

const ACTIONS: &[&str] = &["exec", "kill", "webhook"];

/// Longest name: it is told in every decision.
const NAME: usize = 64;

const PER_MINUTE: std::ops::RangeInclusive<u32> = 1..=600;
const CONNECTIONS: std::ops::RangeInclusive<u32> = 1..=100_000;
/// A command that takes longer keeps the other remedies waiting.
const TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_mins(2);

const HELP: &str = "use one or more sections [[remedy]], each with name and action";

/// All sections of this name.
pub(super) fn remedies(key: &Key<'_>, value: &Value<'_>) -> Result<Vec<Policy>, Wrong> {
    let sections = value.get_ref().as_array();
    let sections = sections.ok_or_else(|| Wrong::value(key, value, HELP))?;
    let mut names = BTreeSet::new();
    let mut policies = Vec::new();
    for section in sections {
        let policy = remedy(key, section)?;
        if !names.insert(policy.name.clone()) {
            let help = format!(
                "`{}` is the name of another one: give each its own",
                policy.name
            );
            return Err(Wrong::value(key, section, help));
        }
        policies.push(policy);
    }
    Ok(policies)
}

/// What a section says; `None` where it says nothing.
#[derive(Default)]
struct Words {
    name: Option<String>,
    on: Option<On>,
    filter: Option<Filter>,
    action: Option<&'static str>,
    connections: Option<Filter>,
    max_connections: Option<u32>,
    command: Option<(PathBuf, Vec<String>)>,
    timeout: Option<Duration>,
    url: Option<Endpoint>,
    per_minute: Option<u32>,
    cool_down: Option<Duration>,
    dry_run: Option<bool>,
}

fn remedy(key: &Key<'_>, section: &Value<'_>) -> Result<Policy, Wrong> {
    let table = section.get_ref().as_table();
    let table = table.ok_or_else(|| Wrong::value(key, section, HELP))?;
    let mut words = Words::default();
    for (key, value) in table {
        words.set(key, value)?;
    }
    words
        .join()
        .map_err(|help| Wrong::value(key, section, help))
}

impl Words {
    fn set(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<(), Wrong> {
        match &**key.get_ref() {
            "action" => self.action = Some(action(key, value)?),
            "command" => self.command = Some(command(key, value)?),
            "connections" => self.connections = Some(filter(key, value)?),
            "cool_down" => self.cool_down = Some(time(key, value)?),
            "dry_run" => self.dry_run = Some(switch(key, value)?),
            "match" => self.filter = Some(filter(key, value)?),
            "max_connections" => self.max_connections = Some(connections(key, value)?),
            "name" => self.name = Some(name(key, value)?),
            "on" => self.on = Some(on(key, value)?),
            "rate" => self.per_minute = Some(rate(key, value)?),
            "timeout" => self.timeout = Some(timeout(key, value)?),
            "url" => self.url = Some(word(key, value)?),
            _ => return Err(Wrong::unknown(key, "key", KEYS.iter().copied())),
        }
        Ok(())
    }

    /// What is missing, or does not go together, is a sentence.
    fn join(self) -> Result<Policy, String> {
        self.fit()?;
        let action = match self.action {
            Some("kill") => Action::Kill {
                connections: self.connections,
                max_connections: self
                    .max_connections
                    .unwrap_or(Policy::DEFAULT_MAX_CONNECTIONS),
            },
            Some("webhook") => Action::Webhook {
                url: self.url.ok_or("say which url")?,
            },
            Some(_) => {
                let (command, arguments) = self.command.ok_or("say which command")?;
                Action::Exec {
                    command,
                    arguments,
                    timeout: self.timeout.unwrap_or(Policy::DEFAULT_TIMEOUT),
                }
            }
            None => return Err(format!("give it an action: one of {}", ACTIONS.join(", "))),
        };
        Ok(Policy {
            name: self.name.ok_or("give it a name")?,
            on: self.on.unwrap_or(Policy::DEFAULT_ON),
            filter: self.filter,
            action,
            per_minute: self.per_minute.unwrap_or(Policy::DEFAULT_PER_MINUTE),
            cool_down: self.cool_down.unwrap_or(Policy::DEFAULT_COOL_DOWN),
            dry_run: self.dry_run.unwrap_or(true),
        })
    }

    /// Whether each word is for the action that it has.
    fn fit(&self) -> Result<(), String> {
        let said = [
            ("connections", self.connections.is_some(), "kill"),
            ("max_connections", self.max_connections.is_some(), "kill"),
            ("command", self.command.is_some(), "exec"),
            ("timeout", self.timeout.is_some(), "exec"),
            ("url", self.url.is_some(), "webhook"),
        ];
        let action = self.action.unwrap_or_default();
        let wrong = said
            .iter()
            .find(|(_, is_said, of)| *is_said && *of != action);
        match wrong {
            Some((key, _, of)) => Err(format!("{key} is for action = {of:?}")),
            None => Ok(()),
        }
    }
}

fn name(key: &Key<'_>, value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.get_ref().as_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=NAME).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    let help =
        format!("use at most {NAME} letters, digits, `-`, `_` and `.`, for example \"shop-leaks\"");
    Err(Wrong::value(key, value, help))
}

fn action(key: &Key<'_>, value: &Value<'_>) -> Result<&'static str, Wrong> {
    let text = value.get_ref().as_str();
    let known = ACTIONS.iter().copied();
    let found = known.clone().find(|known| text == Some(*known));
    found.ok_or_else(|| Wrong::word(key, value, known))
}

fn on(key: &Key<'_>, value: &Value<'_>) -> Result<On, Wrong> {
    const FINDING: &str = "finding";
    if value.get_ref().as_str() == Some(FINDING) {
        return Ok(On::Finding);
    }
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let words = severities.map(Severity::name);
    severity(value)
        .map(On::Incident)
        .ok_or_else(|| Wrong::word(key, value, words.into_iter().chain([FINDING])))
}

fn filter(key: &Key<'_>, value: &Value<'_>) -> Result<Filter, Wrong> {
    let text = value.get_ref().as_str();
    let text = text.ok_or_else(|| {
        Wrong::value(
            key,
            value,
            "use a filter in double quotes, for example \"unit shop.service\"",
        )
    })?;
    text.parse().map_err(|error: crate::filter::Error| {
        Wrong::value(key, value, format!("{error}; {}", error.help()))
    })
}

fn number(
    key: &Key<'_>,
    value: &Value<'_>,
    range: &std::ops::RangeInclusive<u32>,
) -> Result<u32, Wrong> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let help = format!("use a number from {} to {}", range.start(), range.end());
            Wrong::value(key, value, help)
        })
}

fn connections(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    number(key, value, &CONNECTIONS)
}

fn rate(key: &Key<'_>, value: &Value<'_>) -> Result<u32, Wrong> {
    let text = value.get_ref().as_str();
    let number = text.and_then(|text| text.strip_suffix("/m")?.parse().ok());
    number
        .filter(|number| PER_MINUTE.contains(number))
        .ok_or_else(|| {
            let help = format!(
                "use a number a minute from {} to {}, for example \"6/m\"",
                PER_MINUTE.start(),
                PER_MINUTE.end()
            );
            Wrong::value(key, value, help)
        })
}

fn timeout(key: &Key<'_>, value: &Value<'_>) -> Result<Duration, Wrong> {
    let time = time(key, value)?;
    if TIMEOUT.contains(&time) {
        return Ok(time);
    }
    Err(Wrong::value(key, value, "use a time from 100ms to 2m"))
}

/// A path, or a list of it and arguments: there is no shell that would take a line apart.
fn command(key: &Key<'_>, value: &Value<'_>) -> Result<(PathBuf, Vec<String>), Wrong> {
    let wrong = || {
        let help = "use an absolute path, or a list of one and arguments: \
                    command = [\"/usr/local/sbin/restart-shop\", \"--now\"]";
        Wrong::value(key, value, help)
    };
    let words: Option<Vec<&str>> = match value.get_ref().as_array() {
        Some(words) => words.iter().map(|word| word.get_ref().as_str()).collect(),
        None => value.get_ref().as_str().map(|word| vec![word]),
    };
    let words = words.ok_or_else(wrong)?;
    let (path, arguments) = words.split_first().ok_or_else(wrong)?;
    let path = PathBuf::from(path);
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    let plain = !words.iter().any(|word| word.contains('\0'));
    (path.is_absolute() && plain)
        .then_some((path, arguments))
        .ok_or_else(wrong)
}
