//! Everything that can be known now, as lines.

use crate::cli::exit::Failure;
use crate::explain;
use crate::output::json;
use crate::source::{Source, Wanted};

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
