//! Single words of a line.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::output::json::{Executable, Process};

/// A process may name itself as it likes; a terminal must not obey it.
pub fn clean(name: &str) -> String {
    name.chars()
        .map(|c| if moves_the_cursor(c) { '?' } else { c })
        .collect()
}

/// Control characters, and those that turn the direction of writing.
fn moves_the_cursor(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control()
}

/// The wire's word for a value.
pub fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A process by its name.
pub fn named(process: &Process<'_>) -> String {
    let name = name(&process.comm, &process.executable);
    format!("{}[{}]", clean(name), process.pid)
}

/// Names of main threads: some runtimes leave only that of a process.
const OF_THREADS: [&str; 3] = ["MainThread", "node-MainThread", "main"];

/// What the kernel calls a process, for that is what `ss` and `top` show; the file's name where there was no room for all
/// of it, or where it says nothing.
pub(super) fn name<'a>(comm: &'a str, executable: &'a Executable<'_>) -> &'a str {
    /// What the kernel has room for.
    const ROOM: usize = 15;
    let file = &*executable.name;
    let is_cut = comm.len() == ROOM && file.starts_with(comm);
    if is_cut || OF_THREADS.contains(&comm) {
        file
    } else {
        comm
    }
}

/// With commas between them.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// A duration in two units at most.
#[derive(Clone, Copy, Debug)]
pub struct Human(pub Duration);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_called_what_ss_calls_it_unless_that_says_nothing() {
        for (comm, file, expected) in [
            ("gunicorn", "python3.13", "gunicorn"),
            ("httpd", "busybox", "httpd"),
            ("java", "java", "java"),
            ("MainThread", "node", "node"),
            (
                "prometheus-node",
                "prometheus-node-exporter",
                "prometheus-node-exporter",
            ),
            ("nginx", "nginx-debug", "nginx"),
        ] {
            let executable = Executable {
                name: file.into(),
                path: None,
            };
            assert_eq!(name(comm, &executable), expected);
        }
    }
}
