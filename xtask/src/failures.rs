//! What failed, to be said again at the end of a run, where nobody has to look for it.

use std::sync::{Mutex, PoisonError};

/// Every test of this run that failed.
static FAILED: Mutex<Vec<Failed>> = Mutex::new(Vec::new());
/// Lines of one binary that are kept: a thousand failures have one cause.
const LINES: usize = 120;

/// What one binary says of its failed tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// `core (lib)`, `6.12 fentry`.
    pub(crate) label: String,
    /// Its lines from `failures:` on.
    pub(crate) text: Vec<String>,
}

/// Follows the output of one test binary.
#[derive(Debug)]
pub(crate) struct Listener {
    label: String,
    text: Option<Vec<String>>,
}

impl Listener {
    pub(crate) fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            text: None,
        }
    }

    /// Keeps what is between `failures:` and the summary.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(failed) = self.heard(line.trim_end()) {
            let mut all = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(failed);
        }
    }

    fn heard(&mut self, line: &str) -> Option<Failed> {
        if line.starts_with("test result: ") {
            let text = self.text.take()?;
            let label = self.label.clone();
            return Some(Failed { label, text });
        }
        match &mut self.text {
            None if line == "failures:" => self.text = Some(Vec::new()),
            Some(text) if text.len() < LINES && !line.is_empty() => text.push(line.to_owned()),
            _ => {}
        }
        None
    }
}

/// What has failed so far.
pub(crate) fn all() -> Vec<Failed> {
    FAILED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_kept_with_its_words() {
        let mut listener = Listener::new("6.12 fentry");
        let output = [
            "running 2 tests",
            "test ipv6 ... FAILED",
            "",
            "failures:",
            "",
            "---- ipv6 ----",
            "no event came",
            "",
            "failures:",
            "    ipv6",
        ];
        for line in output {
            assert_eq!(listener.heard(line), None, "{line}");
        }
        let failed = listener.heard("test result: FAILED. 1 passed; 1 failed");
        let text = ["---- ipv6 ----", "no event came", "failures:", "    ipv6"];
        assert_eq!(
            failed,
            Some(Failed {
                label: "6.12 fentry".to_owned(),
                text: text.map(str::to_owned).to_vec(),
            })
        );
        assert_eq!(listener.heard("test result: ok. 1 passed"), None);
    }
}
