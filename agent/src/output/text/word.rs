//! Single words of a line.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::output::json::Process;

/// A process may name itself as it likes; a terminal must not obey it.
pub fn clean(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The wire's word for a value.
pub fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A process by the name of its executable.
pub fn named(process: &Process<'_>) -> String {
    format!("{}[{}]", clean(&process.executable.name), process.pid)
}

/// With commas between them.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// A duration in two units at most.
pub(super) struct Human(pub(super) Duration);

impl Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3),
            1..60 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            3600..86_400 => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
            _ => write!(f, "{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
        }
    }
}
