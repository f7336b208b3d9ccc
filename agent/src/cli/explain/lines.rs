//! Everything that can be known now, as lines.

use crate::cli::ask::{HistoryFolder, SourceArgs};
use crate::cli::exit::Failure;
use crate::explain::ask::Asked;
use crate::explain::{self, Known, Proc};
use crate::filter::Filter;
use crate::output::json;
use crate::source::{self, Source, Wanted};

/// Lines as NDJSON.
#[derive(Debug)]
pub(in crate::cli) struct Text {
    pub(in crate::cli) lines: String,
    pub(in crate::cli) source: explain::Source,
    /// Named in messages.
    pub(in crate::cli) from: String,
}

/// Reads every socket, finding and incident.
pub(in crate::cli) fn read(source: &mut Source) -> Result<Text, Failure> {
    let mut lines = Vec::new();
    for wanted in [Wanted::Sockets, Wanted::Findings, Wanted::Incidents] {
        source.each(wanted, &mut |event| json::write_line(event, &mut lines))?;
    }
    Ok(Text {
        lines: String::from_utf8(lines).map_err(std::io::Error::other)?,
        source: match source {
            Source::Daemon(_) => explain::Source::Daemon,
            Source::Look(_) => explain::Source::Look,
            Source::File(_) => explain::Source::File,
        },
        from: source.describe(),
    })
}

/// What the history has of those that nothing is known of now; `None` if it is not asked, or nobody keeps one.
pub(in crate::cli) fn remembered(
    known: &Known<'_>,
    asked: &[Asked],
    source: &SourceArgs,
    folder: &HistoryFolder,
) -> Result<Option<String>, source::Error> {
    let unknown = asked
        .iter()
        .filter(|one| !explain::is_known(known, one, &Proc));
    let unknown: Vec<Asked> = unknown.cloned().collect();
    let filter = Asked::past(&unknown).and_then(|text| text.parse::<Filter>().ok());
    let Some(filter) = filter else {
        return Ok(None);
    };
    let Some(past) = source.remembered(folder, &filter)? else {
        return Ok(None);
    };
    let mut lines = Vec::new();
    for wanted in [Wanted::Findings, Wanted::Incidents] {
        past.each(wanted, &mut |event| json::write_line(event, &mut lines))?;
    }
    let lines = String::from_utf8(lines).map_err(std::io::Error::other);
    lines.map(Some).map_err(source::Error::Output)
}

/// Adds lines of the past.
pub(in crate::cli) fn add_past<'a>(known: &mut Known<'a>, lines: &'a str) {
    let events = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    known.add_past(events);
}
