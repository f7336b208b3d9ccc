//! What is wrong with a key or its value, and where.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::error::Error;
use crate::value::closest;

pub(super) type Key<'i> = Spanned<toml::de::DeString<'i>>;
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// What is wrong at a place of the text.
pub(super) struct Wrong {
    at: Range<usize>,
    what: String,
    help: String,
}

impl Wrong {
    /// The error of a file: at which line of its text.
    pub(super) fn locate(self, path: &Path, text: &str) -> Error {
        Error::Wrong {
            path: path.to_owned(),
            line: text[..self.at.start.min(text.len())].matches('\n').count() + 1,
            what: self.what,
            help: self.help,
        }
    }

    pub(super) fn syntax(error: &toml::de::Error) -> Self {
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

    /// A value that is none of these words.
    pub(super) fn word(
        key: &Key<'_>,
        value: &Value<'_>,
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Self {
        let text = value.get_ref().as_str().unwrap_or_default();
        let guess = closest(text, known.clone());
        let guess = guess.map_or_else(String::new, |word| format!("did you mean {word:?}? "));
        let all: Vec<String> = known.map(|word| format!("{word:?}")).collect();
        Self::value(key, value, format!("{guess}use one of {}", all.join(", ")))
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
