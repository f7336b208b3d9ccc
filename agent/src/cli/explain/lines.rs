//! Everything that can be known now, as lines.

use crate::cli::exit::Failure;
use crate::explain;
use crate::output::json;
use crate::source::{Source, Wanted};

/// Lines as NDJSON.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) lines: String,
    pub(super) source: explain::Source,
    /// Named in messages.
    pub(super) from: String,
}

/// Reads every socket, finding and incident.
pub(super) fn read(source: &mut Source) -> Result<Text, Failure> {
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
