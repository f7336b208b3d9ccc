//! What is wrong with a filter, where, and what to write instead.

use std::fmt;

/// A filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    column: usize,
    what: String,
    help: String,
    excerpt: String,
    /// Characters of the excerpt before the place.
    indent: usize,
}

/// Characters that are shown before and after the place.
const AROUND: usize = 40;

impl Error {
    /// At this byte of the text.
    pub(super) fn new(
        text: &str,
        at: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let at = text.floor_char_boundary(at);
        let before = text[..at].chars().count();
        let first = before.saturating_sub(AROUND);
        let shown = text.chars().skip(first).take(before - first + AROUND);
        Self {
            column: before + 1,
            what: clean(&what.into()),
            help: clean(&help.into()),
            excerpt: shown.map(printable).collect(),
            indent: before - first,
        }
    }

    /// Where, in characters from 1; one past the last if something is missing at the end.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// One sentence: what to write instead.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Two lines: the text around the place, and a caret under it.
    pub fn picture(&self) -> String {
        format!("{}\n{:indent$}^", self.excerpt, "", indent = self.indent)
    }
}

/// Text of others must not move the cursor.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

fn clean(text: &str) -> String {
    text.chars().map(printable).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter, column {}: {}", self.column, self.what)
    }
}

impl std::error::Error for Error {}

/// Of a user's word no more than this is repeated.
const SHOWN: usize = 40;

/// A word as an error repeats it.
pub(super) fn shown(word: &str) -> String {
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &word[..end]),
        None => format!("`{word}`"),
    }
}
