//! Where the lines come from.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use http_body_util::BodyExt as _;
use hyper::StatusCode;

use super::super::exit::{Code, Failure};
use super::super::runtime::runtime;
use crate::client;
use crate::explain::Source;

/// Lines as NDJSON.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) lines: String,
    pub(super) source: Source,
    /// Named in messages.
    pub(super) from: String,
}

/// Has lines of type `socket`, `finding` and `incident`, and of what else it remembers.
pub(super) trait Lines {
    /// Reads them all.
    fn read(&self) -> Result<Text, Failure>;
}

/// A file that somebody has written.
#[derive(Debug)]
pub(super) struct File<'a>(pub(super) &'a Path);

/// Largest file that is read, bytes: a list of some 500,000 sockets.
const FILE_MAX: u64 = 512 << 20;

impl Lines for File<'_> {
    fn read(&self) -> Result<Text, Failure> {
        let from = self.0.display().to_string();
        let fail = |error: io::Error| {
            let what = format!("cannot read {from}: {error}");
            Failure::new(
                Code::Usage,
                what,
                "it takes NDJSON as `--format json` writes it",
            )
        };
        let mut lines = String::new();
        let file = fs::File::open(self.0).map_err(fail)?;
        file.take(FILE_MAX)
            .read_to_string(&mut lines)
            .map_err(fail)?;
        Ok(Text {
            lines,
            source: Source::File,
            from,
        })
    }
}

/// The daemon that listens there.
#[derive(Debug)]
pub(super) struct Daemon<'a>(pub(super) &'a Path);

impl Lines for Daemon<'_> {
    fn read(&self) -> Result<Text, Failure> {
        let lines = runtime()?.block_on(async {
            // Sockets first: what a finding says of one is more.
            let mut lines = self.get("/v1/connections").await?.unwrap_or_default();
            for (path, list) in [("/v1/findings", "findings"), ("/v1/incidents", "incidents")] {
                let document = self.get(path).await?.unwrap_or_default();
                lines += &listed(&document, list)?;
            }
            Ok::<_, Failure>(lines)
        })?;
        Ok(Text {
            lines,
            source: Source::Daemon,
            from: "the daemon".to_owned(),
        })
    }
}

impl Daemon<'_> {
    /// `None` where this daemon has no such path.
    async fn get(&self, path: &str) -> Result<Option<String>, Failure> {
        let response = client::get(self.0, path).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => {
                let what = format!("the daemon refuses {path}: {status}");
                return Err(Failure::new(Code::Failed, what, "is it ending? try again"));
            }
        }
        let body = response.into_body().collect().await;
        let bytes = body.map_err(client::Error::from)?.to_bytes();
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// One line for each of a document's list.
fn listed(document: &str, list: &str) -> Result<String, Failure> {
    let parsed: serde_json::Value = serde_json::from_str(document).map_err(io::Error::from)?;
    let all = parsed.get(list).and_then(serde_json::Value::as_array);
    let lines = all.into_iter().flatten().map(|line| format!("{line}\n"));
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_a_document_becomes_lines() {
        let document = r#"{"findings":[{"seq":1},{"seq":2}]}"#;
        assert_eq!(
            listed(document, "findings").unwrap(),
            "{\"seq\":1}\n{\"seq\":2}\n"
        );
        assert_eq!(listed("{}", "findings").unwrap(), "");
        assert!(listed("", "findings").is_err());
    }
}
