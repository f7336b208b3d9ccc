//! Tables, as text in columns and as Markdown.

/// One line of cells.
pub(crate) type Cells = Vec<String>;

/// A table: a heading and rows of as many cells.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) head: Cells,
    pub(crate) rows: Vec<Cells>,
}

/// Cells of literals.
pub(crate) fn cells<const N: usize>(words: [&str; N]) -> Cells {
    words.map(String::from).into()
}

impl Table {
    /// Columns of equal width.
    pub(crate) fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let all = self.rows.iter().chain([&self.head]);
                all.filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let line = |row: &Cells| {
            let cells = row.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            let cells = cells.join("  ");
            cells.trim_end().to_owned() + "\n"
        };
        [&self.head]
            .into_iter()
            .chain(&self.rows)
            .map(line)
            .collect()
    }

    /// As GitHub's Markdown has it.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &Cells| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', r"\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = "|---".repeat(self.head.len()) + "|\n";
        let rows: String = self.rows.iter().map(line).collect();
        line(&self.head) + &rule + &rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_bars_are_escaped() {
        let table = Table {
            title: String::new(),
            head: cells(["a", "b"]),
            rows: vec![cells(["long", "x|y"]), cells(["± 1", "z"])],
        };
        assert_eq!(table.text(), "a     b\nlong  x|y\n± 1   z\n");
        assert_eq!(
            table.markdown(),
            "| a | b |\n|---|---|\n| long | x\\|y |\n| ± 1 | z |\n"
        );
    }
}
