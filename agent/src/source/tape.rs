//! A recording as a file of lines: what it tells when it is told again.

use std::io;

use crate::output::json;
use crate::output::select::{Kind, Selection};
use crate::recording::{self, Player};

/// Its incidents and findings, up to where it can be read.
pub(super) fn lines(recording: &[u8]) -> io::Result<Vec<u8>> {
    let (beginning, entries) = recording::open(recording).map_err(io::Error::other)?;
    let select = Selection::of([Kind::Incident, Kind::Finding]);
    let mut player = Player::new(beginning, select);
    let mut text = Vec::new();
    let mut written = Ok(());
    for entry in entries {
        match entry {
            Ok(entry) => player.take(entry, &mut |event| {
                if written.is_ok() {
                    written = json::write_line(event, &mut text);
                }
            }),
            Err(broken) => {
                tracing::warn!("{broken}; what comes before is read");
                break;
            }
        }
    }
    written.map(|()| text)
}
