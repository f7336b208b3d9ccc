//! What happened, drawn: time goes down, each end has a lane.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::html::Escaped;
use crate::output::clock::Time;
use crate::output::json::{End, Explanation, Moment};

/// Of the drawing, in pixels.
const WIDTH: u32 = 780;
/// Right edge of the times.
const TIMES: u32 = 96;
/// Our lane.
const LOCAL: u32 = 116;
/// The other end's.
const PEER: u32 = 764;
/// Between a lane and its text.
const GAP: u32 = 14;
const LINE: u32 = 18;
/// Above the first moment, and between two of them.
const TOP: u32 = 44;
const SPACE: u32 = 10;
/// Characters of a line of text.
const COLUMNS: usize = 84;

/// Draws a page's moments.
pub(super) fn draw(page: &Explanation<'_>, out: &mut String) -> fmt::Result {
    let first = page.timeline.iter().filter_map(|moment| moment.time).min();
    let rows: Vec<Row<'_>> = page
        .timeline
        .iter()
        .map(|moment| row(moment, first))
        .collect();
    let Some(height) = rows
        .iter()
        .map(Row::height)
        .reduce(|one, other| one + other)
    else {
        return Ok(());
    };
    let height = TOP + height;
    writeln!(
        out,
        "<svg class=\"timeline\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"What happened\">"
    )?;
    lane(LOCAL, "start", "this end", height, out)?;
    if page.timeline.iter().any(|moment| moment.end.is_some()) {
        lane(PEER, "end", "the other end", height, out)?;
    }
    let mut y = TOP;
    for row in &rows {
        row.draw(y, out)?;
        y += row.height();
    }
    out.push_str("</svg>\n");
    if let Some(first) = first {
        writeln!(out, "<p class=\"note\">Times are counted from {first}.</p>")?;
    }
    Ok(())
}

fn lane(x: u32, anchor: &str, name: &str, height: u32, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<text class=\"lane\" x=\"{x}\" y=\"16\" text-anchor=\"{anchor}\">{name}</text>\
         <line x1=\"{x}\" y1=\"24\" x2=\"{x}\" y2=\"{height}\"/>"
    )
}

/// A moment as it is drawn.
struct Row<'m> {
    moment: &'m Moment<'m>,
    time: String,
    lines: Vec<String>,
}

fn row<'m>(moment: &'m Moment<'m>, first: Option<Time>) -> Row<'m> {
    let passed = moment
        .time
        .zip(first)
        .map(|(time, first)| time.since(first));
    Row {
        moment,
        time: passed.map_or_else(String::new, |passed| Passed(passed).to_string()),
        lines: wrapped(&moment.text),
    }
}

impl Row<'_> {
    fn height(&self) -> u32 {
        SPACE + LINE * u32::try_from(self.lines.len()).unwrap_or(1)
    }

    fn draw(&self, y: u32, out: &mut String) -> fmt::Result {
        let (x, text, anchor, class) = match self.moment.end {
            Some(End::Peer) => (PEER, PEER - GAP, "end", "peer"),
            Some(End::Local) => (LOCAL, LOCAL + GAP, "start", "local"),
            None => (LOCAL, LOCAL + GAP, "start", "neither"),
        };
        write!(
            out,
            "<text class=\"time\" x=\"{TIMES}\" y=\"{y}\" text-anchor=\"end\">{}</text>\
             <circle class=\"{class}\" cx=\"{x}\" cy=\"{}\" r=\"5\"/>",
            self.time,
            y - 4
        )?;
        let mut y = y;
        for line in &self.lines {
            write!(
                out,
                "<text x=\"{text}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
                Escaped(line)
            )?;
            y += LINE;
        }
        out.push('\n');
        Ok(())
    }
}

/// Broken at blanks; a word that is too long is cut into pieces.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(COLUMNS) {
            let used = lines.last().map_or(0, |line| line.chars().count());
            if used > 0 && used + 1 + piece.len() > COLUMNS {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(piece);
            }
        }
    }
    lines
}

/// "0", "+0.4 s", "+12 s", "+3 min 05 s", "+2 h 10 min", "+3 d 04 h".
struct Passed(Duration);

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            _ if self.0.is_zero() => f.write_str("0"),
            0 => write!(f, "+{:.3} s", self.0.as_secs_f64()),
            1..10 => write!(f, "+{:.1} s", self.0.as_secs_f64()),
            10..60 => write!(f, "+{seconds} s"),
            60..3600 => write!(f, "+{} min {:02} s", seconds / 60, seconds % 60),
            3600..86_400 => write!(f, "+{} h {:02} min", seconds / 3600, seconds / 60 % 60),
            _ => write!(f, "+{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
        }
    }
}
