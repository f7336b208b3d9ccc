//! The page of `finback explain` for human eyes: headings, short lines, and commands that can be copied.

use std::fmt::{self, Write};

use super::mark::Style;
use super::word::{clean, word};
use crate::output::clock::Time;
use crate::output::json::{Explanation, Origin};

/// Columns of a page where the terminal has more or none.
const WIDTH: usize = 80;

/// Columns below which lines are no longer broken at words.
const NARROW: usize = 20;

/// Before what belongs to a heading.
const INDENT: usize = 2;

pub(super) fn write(
    time: Time,
    page: &Explanation<'_>,
    style: Style,
    out: &mut impl Write,
) -> fmt::Result {
    let width = style.width.map_or(WIDTH, usize::from).clamp(NARROW, WIDTH);
    let mut page_of = Writer { width, style, out };
    page_of.paragraph("", &clean(&page.summary), 0)?;
    page_of.paragraph("", &label(page), 0)?;
    page_of.timeline(time, page)?;
    page_of.section("WHO HOLDS IT", &page.holders)?;
    page_of.section("WHERE IN THE CODE", &page.code)?;
    page_of.section("WHY", &page.why)?;
    page_of.section(origin(page.origin), &page.origin_evidence)?;
    page_of.section("WHAT BELONGS TO IT", &page.related)?;
    page_of.section("WHAT IT COSTS", &page.costs)?;
    page_of.section("WHAT TO CHANGE", &page.remedies)?;
    page_of.section("WHAT WILL NOT HELP", &page.futile)?;
    page_of.commands(page)?;
    page_of.section("WHAT IS NOT KNOWN", &page.unknown)?;
    if let Some(link) = &page.page {
        writeln!(page_of.out, "\nMore: {}", clean(link))?;
    }
    Ok(())
}

/// Verdict, how sure and how bad, and the ids.
fn label(page: &Explanation<'_>) -> String {
    let verdict = page.verdict.map(word);
    let confidence = page.confidence.map(word);
    let severity = page.severity.map(word);
    let finding = page.finding.map(|id| format!("finding #{id}"));
    let incident = page.incident.as_ref();
    let incident = incident.map(|id| format!("incident {}", clean(id)));
    let parts = [verdict, confidence, severity, finding, incident];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Application => "APPLICATION OR NETWORK? THE APPLICATION HERE",
        Origin::Peer => "APPLICATION OR NETWORK? THE APPLICATION AT THE OTHER END",
        Origin::Network => "APPLICATION OR NETWORK? THE NETWORK, OR THE OTHER HOST",
        Origin::Nobody => "APPLICATION OR NETWORK? NEITHER",
        Origin::Unknown => "APPLICATION OR NETWORK? IT CANNOT BE TOLD",
    }
}

struct Writer<'a, W> {
    width: usize,
    style: Style,
    out: &'a mut W,
}

impl<W: Write> Writer<'_, W> {
    fn heading(&mut self, text: &str) -> fmt::Result {
        if self.style.color {
            writeln!(self.out, "\n\x1b[1m{text}\x1b[0m")
        } else {
            writeln!(self.out, "\n{text}")
        }
    }

    fn section(&mut self, heading: &str, lines: &[std::borrow::Cow<'_, str>]) -> fmt::Result {
        if lines.is_empty() {
            return Ok(());
        }
        self.heading(heading)?;
        lines
            .iter()
            .try_for_each(|line| self.paragraph("  ", &clean(line), INDENT))
    }

    fn timeline(&mut self, now: Time, page: &Explanation<'_>) -> fmt::Result {
        if page.timeline.is_empty() {
            return Ok(());
        }
        self.heading("WHAT HAPPENED (UTC)")?;
        let column = column(now, page);
        page.timeline.iter().try_for_each(|moment| {
            let time = moment.time.map(|time| shown(now, time)).unwrap_or_default();
            let start = format!("  {time:<column$}  ");
            self.paragraph(&start, &clean(&moment.text), column + 2 * INDENT)
        })
    }

    /// As they are: who copies one wants it whole.
    fn commands(&mut self, page: &Explanation<'_>) -> fmt::Result {
        if page.commands.is_empty() {
            return Ok(());
        }
        self.heading("CHECK IT BY HAND")?;
        page.commands
            .iter()
            .try_for_each(|command| writeln!(self.out, "  {}", clean(command)))
    }

    /// Broken at words; what follows the first line is indented by so much.
    fn paragraph(&mut self, start: &str, text: &str, indent: usize) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let mut line = start.to_owned();
        let mut used = start.chars().count();
        let mut first = true;
        for word in text.split(' ') {
            let length = word.chars().count();
            if !first && used + 1 + length > self.width {
                writeln!(self.out, "{}", line.trim_end())?;
                line = " ".repeat(indent);
                used = indent;
                first = true;
            }
            if !first {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
            first = false;
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// Columns that the times take.
fn column(now: Time, page: &Explanation<'_>) -> usize {
    let times = page.timeline.iter().filter_map(|moment| moment.time);
    times.map(|time| shown(now, time).len()).max().unwrap_or(0)
}

/// With the date where that is another day's.
fn shown(now: Time, time: Time) -> String {
    let clock = time.clock().to_string();
    let clock = clock.get(..8).unwrap_or(&clock);
    if time.date() == now.date() {
        clock.to_owned()
    } else {
        format!("{} {clock}", time.date())
    }
}

#[cfg(test)]
mod tests;
