//! Pages about what somebody has in hand, as `finback explain` writes them.

use std::io;
use std::str::FromStr;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

use super::connections::{self, Shown};
use super::refused::Refused;
use crate::explain::ask::{self, Asked};
use crate::explain::{self, Known, Proc, explain};
use crate::filter::Filter;
use crate::history::Latest;
use crate::output::json::{Document, Event};

/// Pages of one answer.
const PAGES: usize = 32;

/// What somebody has in hand.
#[derive(Clone, Debug)]
pub(super) struct What(Vec<Asked>);

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err("nothing is asked for".to_owned());
        }
        let asked = ask::arguments(&words).map(Self);
        asked.map_err(|word| format!("`{word}` cannot be read"))
    }
}

impl What {
    /// Which lines of the past may be meant.
    pub(super) fn past(&self) -> Option<Filter> {
        Asked::past(&self.0)?.parse().ok()
    }
}

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Facts {
    /// Every socket now.
    pub(super) shown: Shown,
    /// Documents of open findings and incidents.
    pub(super) open: [Bytes; 2],
}

/// What there is to say.
#[derive(Serialize)]
struct Pages<'a> {
    explanations: Vec<Event<'a>>,
    /// Matches that are not explained: the question was too wide.
    more: usize,
}

impl Facts {
    /// The document; `None` where nothing matches.
    pub(super) fn explain(&self, what: &What, past: &Latest) -> io::Result<Option<Bytes>> {
        let sockets = connections::text(&self.shown)?;
        let mut known = Known::default();
        for line in lines(&sockets) {
            known.add(serde_json::from_slice(line)?);
        }
        for document in &self.open {
            let document: Document<'_> = serde_json::from_slice(document)?;
            document
                .events
                .into_iter()
                .for_each(|event| known.add(event));
        }
        let past = past.lines().map(|line| serde_json::from_slice(line));
        known.add_past(past.collect::<Result<Vec<_>, _>>()?);
        let mut pages = Pages {
            explanations: Vec::new(),
            more: 0,
        };
        for asked in &what.0 {
            let answer = explain(&known, asked, explain::Source::Daemon, &Proc);
            pages.more += answer.more;
            pages.explanations.extend(answer.pages);
        }
        if pages.explanations.is_empty() {
            return Ok(None);
        }
        pages.more += pages.explanations.len().saturating_sub(PAGES);
        pages.explanations.truncate(PAGES);
        let mut text = serde_json::to_vec(&pages)?;
        text.push(b'\n');
        Ok(Some(text.into()))
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty())
}

pub(super) fn missing() -> Refused {
    Refused::bad(
        "missing_parameter",
        "what is to be explained?",
        "for example what=4711:7",
    )
}

pub(super) fn nothing() -> Refused {
    Refused::new(
        StatusCode::NOT_FOUND,
        "nothing_matches",
        "nothing matches, neither now nor in the history",
        "/v1/findings, /v1/incidents and /v1/connections list what there is",
    )
}

pub(super) fn failed(error: &io::Error) -> Refused {
    Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "not_explained",
        format!("what is known cannot be read: {error}"),
        "the daemon's log says more; finback explain --no-daemon looks by itself",
    )
}
