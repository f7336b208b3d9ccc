//! Lists for human eyes: columns as wide as what is in them, lines no wider than the terminal.

mod findings;
mod groups;
mod sockets;

use std::io;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub use self::findings::findings;
pub use self::groups::{Group, Groups, Key};
pub use self::sockets::{Row, sockets, spelt};

use super::text::clean;

/// Between two columns.
const GAP: &str = " ";

/// Rows under a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[String; N]>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Numbers stand at the right.
    pub right: bool,
}

impl Column {
    const fn left(name: &'static str) -> Self {
        Self { name, right: false }
    }

    const fn right(name: &'static str) -> Self {
        Self { name, right: true }
    }
}

impl<const N: usize> Table<N> {
    /// Without rows.
    pub const fn new(columns: [Column; N]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row. What others have named may not move the cursor.
    pub fn push(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| clean(&cell)));
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text. A line that is wider than `width` is cut; without one it is as wide as it is.
    pub fn render(&self, header: bool, width: Option<usize>) -> String {
        let widths = self.widths(header);
        let mut text = String::new();
        if header {
            let names = self.columns.map(|column| column.name.to_owned());
            self.line(&names, &widths, width, &mut text);
        }
        for row in &self.rows {
            self.line(row, &widths, width, &mut text);
        }
        text
    }

    /// The same as comma-separated values.
    pub fn csv(&self, header: bool, out: impl io::Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        if header {
            writer.write_record(self.columns.map(|column| column.name))?;
        }
        for row in &self.rows {
            writer.write_record(row)?;
        }
        writer.flush()
    }

    fn widths(&self, header: bool) -> [usize; N] {
        let mut widths = if header {
            self.columns.map(|column| column.name.width())
        } else {
            [0; N]
        };
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn line(
        &self,
        cells: &[String; N],
        widths: &[usize; N],
        most: Option<usize>,
        text: &mut String,
    ) {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(self.columns).zip(widths) {
            if *width == 0 {
                continue;
            }
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if line.is_empty() { "" } else { GAP };
            let (before, after) = if column.right {
                (&*pad, "")
            } else {
                ("", &*pad)
            };
            line.extend([gap, before, cell, after]);
        }
        text.push_str(&cut(line.trim_end(), most));
        text.push('\n');
    }
}

/// As much of a line as there is room for.
pub fn cut(line: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| line.width() > *width) else {
        return line.to_owned();
    };
    let mut kept = String::new();
    let mut columns = 0;
    for c in line.chars() {
        columns += c.width().unwrap_or(0);
        if columns >= width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// A duration in a few columns: `850ms`, `12s`, `3m05s`, `2h10m`, `4d03h`.
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<2> {
        let mut table = Table::new([Column::left("Name"), Column::right("Count")]);
        table.push(["a".into(), "12".into()]);
        table.push(["名前".into(), "3".into()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_on_a_terminal() {
        let text = "Name Count\na       12\n名前     3\n";
        assert_eq!(table().render(true, None), text);
    }

    #[test]
    fn a_column_without_anything_in_it_is_left_out_without_its_header() {
        let mut table = Table::new([Column::left("A"), Column::left("B")]);
        table.push([String::new(), "x".into()]);
        assert_eq!(table.render(false, None), "x\n");
    }

    #[test]
    fn a_line_is_cut_where_the_terminal_ends() {
        assert_eq!(cut("abcdef", Some(4)), "abc…");
        assert_eq!(cut("名前名前", Some(5)), "名前…");
        assert_eq!(cut("abcd", Some(4)), "abcd");
        assert_eq!(cut("abcd", None), "abcd");
    }

    #[test]
    fn names_do_not_reach_the_terminal_as_commands() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\n"), "a?[2Jb?c?");
    }

    #[test]
    fn ages_are_short() {
        let told = |seconds| short(Duration::from_secs(seconds));
        assert_eq!(told(5), "5s");
        assert_eq!(told(185), "3m05s");
        assert_eq!(told(7_800), "2h10m");
        assert_eq!(told(4 * 86_400 + 3 * 3_600), "4d03h");
    }
}
