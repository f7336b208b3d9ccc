//! Lines that are as wide as the terminal at most, and not many.

use std::fmt::{self, Write};

const INDENT: &str = "    ";

/// A paragraph of a few lines.
pub(super) struct Page<'a, W> {
    width: Option<usize>,
    /// Lines that are left.
    left: usize,
    out: &'a mut W,
}

impl<'a, W: Write> Page<'a, W> {
    /// So many lines of so many columns; without a width every line is as long as it is.
    pub(super) fn new(width: Option<u16>, lines: usize, out: &'a mut W) -> Self {
        Self {
            width: width.map(usize::from),
            left: lines,
            out,
        }
    }

    /// The first line: what is shown as it is (`colored`: with a colour that takes no column), then what may be cut.
    pub(super) fn head(&mut self, shown: &str, colored: bool, rest: &str) -> fmt::Result {
        self.left = self.left.saturating_sub(1);
        let columns = if colored {
            columns_without_color(shown)
        } else {
            shown.chars().count()
        };
        let room = self.width.map(|width| width.saturating_sub(columns));
        writeln!(self.out, "{shown}{}", cut(rest, room))
    }

    /// One more, cut where it is too long; none if it would be empty or the last one.
    pub(super) fn line(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() || self.left <= 1 {
            return Ok(());
        }
        self.left -= 1;
        let room = self.room();
        writeln!(self.out, "{INDENT}{}", cut(text, room))
    }

    /// What fills the lines that are left, and is cut at the end of the last.
    pub(super) fn rest(&mut self, text: &str) -> fmt::Result {
        let Some(room) = self.room() else {
            return writeln!(self.out, "{INDENT}{text}");
        };
        let mut rest = text;
        while self.left > 1 && rest.chars().count() > room {
            let (line, after) = wrap(rest, room);
            writeln!(self.out, "{INDENT}{line}")?;
            self.left -= 1;
            rest = after;
        }
        self.left = 0;
        writeln!(self.out, "{INDENT}{}", cut(rest, Some(room)))
    }

    fn room(&self) -> Option<usize> {
        self.width.map(|width| width.saturating_sub(INDENT.len()))
    }
}

/// As much as there is room for.
fn cut(text: &str, room: Option<usize>) -> String {
    let Some(room) = room.filter(|room| text.chars().count() > *room) else {
        return text.to_owned();
    };
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The words that fit, and the rest; at least something, so that it ends.
fn wrap(text: &str, room: usize) -> (&str, &str) {
    let end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    let at = text[..end].rfind(' ').filter(|at| *at > 0).unwrap_or(end);
    (text[..at].trim_end(), text[at..].trim_start())
}

/// Escape sequences end with `m`.
fn columns_without_color(text: &str) -> usize {
    let mut hidden = false;
    let mut columns = 0;
    for c in text.chars() {
        match (hidden, c) {
            (false, '\x1b') => hidden = true,
            (true, 'm') => hidden = false,
            (true, _) => {}
            (false, _) => columns += 1,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(
        width: Option<u16>,
        write: impl FnOnce(&mut Page<'_, String>) -> fmt::Result,
    ) -> String {
        let mut out = String::new();
        write(&mut Page::new(width, 4, &mut out)).unwrap();
        out
    }

    #[test]
    fn lines_are_cut_and_the_last_text_takes_what_is_left() {
        let text = page(Some(20), |page| {
            page.head("\x1b[33mA\x1b[0m ", true, "program in a unit with a name")?;
            page.line("")?;
            page.line("sixteen columns!")?;
            page.rest("words that take more lines than there are left of them")
        });
        assert_eq!(
            text,
            "\x1b[33mA\x1b[0m program in a unit…\n    sixteen columns!\n    words that take\n    more lines than…\n"
        );
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        let long = "word ".repeat(100);
        let text = page(None, |page| page.rest(&long));
        assert_eq!(text, format!("    {long}\n"));
    }

    #[test]
    fn a_word_without_end_ends() {
        let text = page(Some(10), |page| page.rest(&"x".repeat(100)));
        assert_eq!(text.lines().count(), 4);
    }
}
