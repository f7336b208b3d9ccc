//! Lines on their way into a frame.

use super::line::Head;
use crate::frame::{self, About};
use crate::output::clock::Time;

/// What will be a frame.
#[derive(Debug, Default)]
pub(super) struct Batch {
    lines: Vec<u8>,
    about: About,
}

impl Batch {
    pub(super) fn add(&mut self, line: &[u8], head: &Head<'_>) {
        let time = head.time.as_unix_nanos();
        self.lines.extend_from_slice(line);
        let about = &mut self.about;
        about.earliest = if about.entries == 0 {
            time
        } else {
            about.earliest.min(time)
        };
        about.latest = about.latest.max(time);
        about.entries += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.lines.len() >= frame::FULL
    }

    /// The lines, and what their frame says of itself.
    pub(super) const fn contents(&self, run: Time) -> (&[u8], About) {
        let about = About {
            run: run.as_unix_nanos(),
            ..self.about
        };
        (self.lines.as_slice(), about)
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.about.entries)
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.about = About::default();
    }
}
