//! A filter as the rest of the program has it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::Error;
use super::expression::Expression;
use super::parse::parse;
use crate::output::json::{Body, Event};

/// Longest text, in bytes, as it is written and in canonical form.
pub const MAX_LENGTH: usize = 4096;

/// Which lines somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Expression);

impl Filter {
    /// For lists: whether the line is wanted.
    pub fn selects(&self, event: &Event<'_>) -> bool {
        self.0.holds(event)
    }

    /// For streams: whether the line is wanted, or says what a reader must know about the stream itself, as `hello`,
    /// `lost` and `resync` do.
    pub fn passes(&self, event: &Event<'_>) -> bool {
        match event.body {
            Body::Hello { .. } | Body::Lost { .. } | Body::Resync { .. } => true,
            Body::Transition { .. }
            | Body::Eof { .. }
            | Body::Finding { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Socket { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. } => self.selects(event),
        }
    }

    /// What both want.
    pub fn and(self, other: Self) -> Result<Self, Error> {
        Self::bounded(Expression::All(vec![self.0, other.0]))
    }

    /// As a parameter of a query of the daemon, to be appended.
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("filter", &self.to_string());
        format!("&{}", query.finish())
    }

    /// What it says.
    pub(super) fn into_expression(self) -> Expression {
        self.0
    }

    /// What was written is bounded so that this is: its canonical text must be read again elsewhere.
    pub(super) fn bounded(expression: Expression) -> Result<Self, Error> {
        let text = expression.to_string();
        if text.len() > MAX_LENGTH {
            return Err(too_long(&text));
        }
        Ok(Self(expression))
    }
}

fn too_long(text: &str) -> Error {
    let what = format!(
        "written out it has {} bytes, more than {MAX_LENGTH}",
        text.len()
    );
    Error::new(
        text,
        MAX_LENGTH,
        what,
        "use wildcards and networks in place of long lists",
    )
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(too_long(text));
        }
        Self::bounded(parse(text)?)
    }
}

/// Canonical text: parsed again it is the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| de::Error::custom(format!("{error}; {}", error.help())))
    }
}
