//! From what somebody has in hand to the reason: reads a word or a pasted row, finds what it means among the lines that
//! are known, and writes a page about it.
//!
//! Works on lines alone, whoever has written them: a daemon, one look, a recording. What the host says now of the
//! process comes through [`Host`].

pub mod ask;

mod blank;
mod case;
mod find;
mod host;
mod incident;
mod known;
mod page;
mod pressure;
mod process;
mod runtime;
mod words;

pub use self::case::Source;
pub use self::host::{Host, Proc, Seen, Silent};
pub use self::known::{Connection, Known};

use self::ask::Asked;
use self::case::Case;
use self::find::{Found, find};
use crate::output::json::{Body, Event, SCHEMA};

/// Matches of one question that are explained.
const MATCHES: usize = 8;

/// What there is to say.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    /// A page for each match, and for the worst that belongs to it.
    pub pages: Vec<Event<'a>>,
    /// Matches that are not explained: the question was too wide.
    pub more: usize,
}

/// Whether anything that is known is meant.
pub fn is_known(known: &Known<'_>, asked: &Asked, host: &dyn Host) -> bool {
    !find(known, asked, host).is_empty()
}

/// Explains one thing.
pub fn explain<'a>(
    known: &Known<'a>,
    asked: &Asked,
    source: Source,
    host: &dyn Host,
) -> Answer<'a> {
    let mut found = find(known, asked, host);
    // What has a finding first: of a listener's port that is what people look for.
    found.sort_by_key(|found| match found {
        Found::Connection(connection) => connection.open().is_none(),
        Found::Process(_) | Found::Incident(..) | Found::ProcessFinding(..) => false,
    });
    let more = found.len().saturating_sub(MATCHES);
    found.truncate(MATCHES);
    let about = About {
        known,
        asked: &asked.text,
        source,
        host,
    };
    let bodies = found.into_iter().flat_map(|found| about.pages(found));
    let pages = bodies.map(|body| Event {
        schema: SCHEMA,
        seq: 0,
        time: known.now,
        body,
    });
    Answer {
        pages: pages.collect(),
        more,
    }
}

/// What every page is made from.
struct About<'k, 'a> {
    known: &'k Known<'a>,
    asked: &'k str,
    source: Source,
    host: &'k dyn Host,
}

impl<'k, 'a> About<'k, 'a> {
    fn pages(&self, found: Found<'k, 'a>) -> Vec<Body<'a>> {
        match found {
            Found::Connection(connection) => vec![self.connection(connection)],
            Found::Process(pid) => {
                let (body, worst) = process::page(self.known, pid, self.asked, self.host);
                let worst = worst
                    .into_iter()
                    .map(|connection| self.connection(connection));
                std::iter::once(body).chain(worst).collect()
            }
            Found::Incident(subject, incident) => {
                let (body, oldest) = incident::page(self.known, subject, incident, self.asked);
                let oldest = oldest.map(|connection| self.connection(connection));
                std::iter::once(body).chain(oldest).collect()
            }
            Found::ProcessFinding(subject, finding) => {
                vec![pressure::page(subject, finding, self.asked)]
            }
        }
    }

    fn connection(&self, connection: &'k Connection<'a>) -> Body<'a> {
        let case = Case::new(self.known, connection, self.asked, self.source, self.host);
        page::connection(&case)
    }
}

#[cfg(test)]
mod tests;
