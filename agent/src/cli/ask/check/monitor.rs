//! What monitoring programs want to hear: one line and a code of their own.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cli::exit::{Failure, quietly};
use crate::output::json;
use finback_core::model::finding::Severity;

/// A line is cut after so many characters: the node problem detector shows no more.
const LONGEST: usize = 80;

/// Incidents in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) incidents: u64,
    pub(super) connections: u64,
    pub(super) worst: Option<Severity>,
    /// What the worst one says.
    pub(super) first: Option<String>,
    pub(super) worst_of_first: Option<Severity>,
}

impl Count {
    /// Whether anything is so bad.
    pub(super) fn at_least(&self, severity: json::Severity) -> bool {
        let wanted = match severity {
            json::Severity::Info => Severity::Info,
            json::Severity::Warning => Severity::Warning,
            json::Severity::Critical => Severity::Critical,
        };
        self.worst.is_some_and(|worst| worst >= wanted)
    }

    /// In words.
    pub(super) fn sentence(&self) -> String {
        let s = |n: u64| if n == 1 { "" } else { "s" };
        match self.incidents {
            0 => "No connection was found whose end its application has not noticed".to_owned(),
            n => format!(
                "{n} incident{} with {} connection{}",
                s(n),
                self.connections,
                s(self.connections)
            ),
        }
    }

    fn line(&self) -> String {
        let first = self.first.as_deref().unwrap_or_default();
        let text = match &self.first {
            Some(_) => format!("{}: {first}", self.sentence()),
            None => self.sentence(),
        };
        let text: String = text
            .chars()
            .map(|c| if c.is_control() || c == '|' { ' ' } else { c })
            .collect();
        text
    }
}

/// Nagios' plugin interface: a line with performance data, 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
pub(super) fn nagios(count: Result<Count, Failure>) -> Result<ExitCode, Failure> {
    let (word, code, text) = match count {
        Err(failure) => ("UNKNOWN", 3, failure.what),
        Ok(count) => {
            let (word, code) = match count.worst {
                None | Some(Severity::Info) => ("OK", 0),
                Some(Severity::Warning) => ("WARNING", 1),
                Some(Severity::Critical) => ("CRITICAL", 2),
            };
            let data = format!(
                " | incidents={};;;0 connections={};;;0",
                count.incidents, count.connections
            );
            (word, code, format!("{}{data}", count.line()))
        }
    };
    say(&format!("FINBACK {word} - {text}\n"), code)
}

/// A custom plugin of the node problem detector: a short line on standard output, 0 OK, 1 a problem, 2 unknown.
pub(super) fn npd(count: Result<Count, Failure>) -> Result<ExitCode, Failure> {
    let (code, text) = match count {
        Err(failure) => (2, failure.what),
        Ok(count) => {
            let problem = count.worst.is_some_and(|worst| worst > Severity::Info);
            (u8::from(problem), count.line())
        }
    };
    let text: String = text.chars().take(LONGEST).collect();
    say(&format!("{text}\n"), code)
}

fn say(line: &str, code: u8) -> Result<ExitCode, Failure> {
    quietly(io::stdout().lock().write_all(line.as_bytes()))?;
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_monitoring_has_no_bar_of_its_own() {
        let count = Count {
            incidents: 1,
            connections: 12,
            worst: Some(Severity::Warning),
            first: Some("a|b\n".to_owned()),
            worst_of_first: Some(Severity::Warning),
        };
        assert_eq!(count.line(), "1 incident with 12 connections: a b ");
        assert!(count.at_least(json::Severity::Info));
        assert!(!count.at_least(json::Severity::Critical));
    }
}
