//! `[journal]` and `[webhook]`: who else is told.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::field::{absolute, bad, switch, time, word};
use super::wrong::{Key, Value, Wrong};
use crate::export::http::Endpoint;
use finback_core::model::finding::Severity;

/// Where packages put the documents.
pub const DEFAULT_DOCS: &str = "file:///usr/share/doc/finback";

/// The journal of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Incidents from this severity on.
    pub severity: Severity,
}

/// What a file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalWords {
    enabled: Option<bool>,
    severity: Option<Severity>,
}

impl JournalWords {
    pub(super) fn join(&self) -> Option<Journal> {
        self.enabled.unwrap_or(true).then(|| Journal {
            severity: self.severity.unwrap_or(Severity::Warning),
        })
    }

    /// Whether all that can be said is said.
    #[cfg(test)]
    pub(super) const fn is_complete(&self) -> bool {
        let Self { enabled, severity } = self;
        enabled.is_some() && severity.is_some()
    }
}

/// What the receiver of a webhook understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookFormat {
    /// finback's own: each line about an incident as one document.
    #[default]
    Finback,
    /// Alerts of Alertmanager's interface, version 2.
    Alertmanager,
}

impl FromStr for WebhookFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "finback" => Ok(Self::Finback),
            "alertmanager" => Ok(Self::Alertmanager),
            _ => Err("use finback or alertmanager".to_owned()),
        }
    }
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: Endpoint,
    /// What is posted.
    pub format: WebhookFormat,
    /// Holds the key that signatures are made with.
    pub secret_file: Option<PathBuf>,
    /// Incidents from this severity on.
    pub severity: Severity,
    /// An answer is waited for so long.
    pub timeout: Duration,
}

/// What a file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookWords {
    url: Option<Endpoint>,
    format: Option<WebhookFormat>,
    secret_file: Option<PathBuf>,
    severity: Option<Severity>,
    timeout: Option<Duration>,
}

/// `--webhook` and `--webhook-format`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookFlags {
    /// Where to.
    pub url: Option<Endpoint>,
    /// What is posted.
    pub format: Option<WebhookFormat>,
}

impl WebhookWords {
    pub(super) fn join(self, flags: WebhookFlags) -> Option<Webhook> {
        Some(Webhook {
            url: flags.url.or(self.url)?,
            format: flags.format.or(self.format).unwrap_or_default(),
            secret_file: self.secret_file,
            severity: self.severity.unwrap_or(Severity::Warning),
            timeout: self.timeout.unwrap_or(Duration::from_secs(10)),
        })
    }

    /// Whether all that has a default is said.
    #[cfg(test)]
    pub(super) const fn is_complete(&self) -> bool {
        let Self {
            url: _,
            format,
            secret_file: _,
            severity,
            timeout,
        } = self;
        format.is_some() && severity.is_some() && timeout.is_some()
    }
}

const JOURNAL: &[&str] = &["enabled", "severity"];

/// The section.
pub(super) fn journal(key: &Key<'_>, value: &Value<'_>) -> Result<JournalWords, Wrong> {
    let mut words = JournalWords::default();
    for (name, value) in section(key, value)? {
        match &**name.get_ref() {
            "enabled" => words.enabled = Some(switch(name, value)?),
            "severity" => words.severity = Some(bad(name, value)?),
            _ => return Err(Wrong::unknown(name, "setting", JOURNAL.iter().copied())),
        }
    }
    Ok(words)
}

const WEBHOOK: &[&str] = &["format", "secret_file", "severity", "timeout", "url"];

/// The section.
pub(super) fn webhook(key: &Key<'_>, value: &Value<'_>) -> Result<WebhookWords, Wrong> {
    let mut words = WebhookWords::default();
    for (name, value) in section(key, value)? {
        match &**name.get_ref() {
            "format" => words.format = Some(word(name, value)?),
            "secret_file" => {
                words.secret_file = Some(absolute(name, value, "/etc/finback/webhook.secret")?);
            }
            "severity" => words.severity = Some(bad(name, value)?),
            "timeout" => words.timeout = Some(timeout(name, value)?),
            "url" => words.url = Some(word(name, value)?),
            _ => return Err(Wrong::unknown(name, "setting", WEBHOOK.iter().copied())),
        }
    }
    Ok(words)
}

fn section<'v, 'i>(
    key: &Key<'_>,
    value: &'v Value<'i>,
) -> Result<&'v toml::de::DeTable<'i>, Wrong> {
    let table = value.get_ref().as_table();
    table.ok_or_else(|| {
        let name = key.get_ref();
        Wrong::value(
            key,
            value,
            format!("use a section [{name}] with one line per setting"),
        )
    })
}

/// Longer would hold up what waits behind it.
const LONGEST: Duration = Duration::from_mins(2);

fn timeout(key: &Key<'_>, value: &Value<'_>) -> Result<Duration, Wrong> {
    let timeout = time(key, value)?;
    if !timeout.is_zero() && timeout <= LONGEST {
        return Ok(timeout);
    }
    Err(Wrong::value(
        key,
        value,
        "use a time up to 2m, for example \"10s\"",
    ))
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Where the documents are.
pub(super) fn docs(key: &Key<'_>, value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.get_ref().as_str();
    let is_plain = |url: &str| !url.chars().any(|c| c.is_control() || c.is_whitespace());
    let fits = |url: &&str| is_plain(url) && (is_web(url) || url.starts_with("file:///"));
    text.filter(fits).map(str::to_owned).ok_or_else(|| {
        let help = format!("use a URL, for example \"{DEFAULT_DOCS}\"");
        Wrong::value(key, value, help)
    })
}
