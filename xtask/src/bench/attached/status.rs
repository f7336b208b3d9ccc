//! What a daemon says of itself: `GET /v1/status`, `GET /readyz`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Every number of the status document, by its path (`counters.ring_full`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Status(BTreeMap<String, f64>);

impl Status {
    /// Asks.
    ///
    /// # Errors
    /// No answer, or none that is JSON.
    pub(crate) fn of(socket: &Path) -> Result<Self> {
        let text = get(socket, "/v1/status")?;
        let value = serde_json::from_str(&text).context("the status is not JSON")?;
        let mut status = Self::default();
        status.flatten("", &value);
        Ok(status)
    }

    /// The number at a path.
    pub(crate) fn number(&self, path: &str) -> Option<f64> {
        self.0.get(path).copied()
    }

    /// How much a number has risen since `before`.
    pub(crate) fn rise(&self, before: &Self, path: &str) -> Option<f64> {
        Some(self.number(path)? - before.number(path)?)
    }

    /// The first number whose path has this word in it and ends like this.
    pub(crate) fn find(&self, word: &str, end: &str) -> Option<f64> {
        let mut all = self.0.iter();
        all.find(|(path, _)| path.contains(word) && path.ends_with(end))
            .map(|(_, value)| *value)
    }

    fn flatten(&mut self, path: &str, value: &Value) {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.flatten(&below(name), value);
                }
            }
            Value::Number(number) => {
                self.0
                    .extend(number.as_f64().map(|number| (path.to_owned(), number)));
            }
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
        }
    }
}

/// Whether the daemon serves its socket and has seen the host.
pub(crate) fn is_ready(socket: &Path) -> bool {
    get(socket, "/readyz").is_ok()
}

fn get(socket: &Path, path: &str) -> Result<String> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("nobody serves {}", socket.display()))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // With 1.0 the answer ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let first = head.lines().next().unwrap_or_default();
    if first.split(' ').nth(1) != Some("200") {
        bail!("{path}: {first}");
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_path_and_by_word() {
        let mut status = Status::default();
        let document =
            r#"{"records":7,"scan":{"last_ns":50000},"counters":{"ring_full":2},"a":[1]}"#;
        status.flatten("", &serde_json::from_str(document).unwrap());
        assert_eq!(status.number("counters.ring_full"), Some(2.0));
        assert_eq!(status.find("scan", "_ns"), Some(50_000.0));
        assert_eq!(status.number("a"), None);
        assert_eq!(status.rise(&Status::default(), "records"), None);
    }
}
