//! The dry run, in 80 columns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use super::feel::Feeling;
use super::{Plan, Target};
use crate::output::text::{clean, label};

const WIDTH: usize = 80;

/// Rows of the table at most.
const ROWS: usize = 20;

/// What no error tells anybody.
const DESCRIPTOR: &str = "The descriptor stays with the process until it closes it. So this does not cure \"too many open \
                          files\", and what is left is a socket that ss does not show (finback does, as CLOSE).";

/// Writes what `filter` has chosen and what will come of it.
pub fn write(plan: &Plan<'_>, filter: &str, out: &mut impl Write) -> fmt::Result {
    let filter = clean(filter);
    if plan.is_empty() {
        return writeln!(out, "No socket matches `{filter}`.");
    }
    match plan.targets.len() {
        0 => writeln!(out, "No socket that matches `{filter}` can be destroyed.")?,
        1 => writeln!(out, "1 socket matches `{filter}`:")?,
        count => writeln!(out, "{count} sockets match `{filter}`:")?,
    }
    if !plan.targets.is_empty() {
        table(plan, out)?;
        feelings(plan, out)?;
        writeln!(out)?;
        paragraph(DESCRIPTOR, "", out)?;
    }
    refused(plan, out)
}

fn table(plan: &Plan<'_>, out: &mut impl Write) -> fmt::Result {
    let mut rows: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for target in &plan.targets {
        *rows
            .entry((process(target), label(target.state)))
            .or_default() += 1;
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    writeln!(out, "\n{:>7}  {:<12} PROCESS", "COUNT", "STATE")?;
    for ((process, state), count) in rows.iter().take(ROWS) {
        writeln!(out, "{count:>7}  {state:<12} {process}")?;
    }
    match rows.len().checked_sub(ROWS) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "         and {more} rows more (--format json has all)"),
    }
}

fn process(target: &Target<'_>) -> String {
    let holder = target.listed.holders.first();
    match (&target.subject.process, holder) {
        (Some(process), _) => named(&process.comm, process.pid),
        (None, Some(holder)) => named(&holder.comm, holder.pid),
        (None, None) => "-".into(),
    }
}

fn named(name: &str, pid: u32) -> String {
    format!("{}[{pid}]", clean(name))
}

fn feelings(plan: &Plan<'_>, out: &mut impl Write) -> fmt::Result {
    writeln!(out, "\nWhat the programs will feel:")?;
    let all: BTreeSet<Feeling> = plan.targets.iter().map(Feeling::of).collect();
    for feeling in all {
        writeln!(out, "  {}:", feeling.sockets())?;
        paragraph(feeling.words(), "    ", out)?;
    }
    Ok(())
}

fn refused(plan: &Plan<'_>, out: &mut impl Write) -> fmt::Result {
    if plan.refused.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNot destroyed:")?;
    for (refusal, count) in &plan.refused {
        paragraph(&format!("{count} {}", refusal.reason()), "  ", out)?;
    }
    Ok(())
}

/// Words, as many a line as fit.
fn paragraph(text: &str, indent: &str, out: &mut impl Write) -> fmt::Result {
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        if line.len() > indent.len() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                writeln!(out, "{line}")?;
                indent.clone_into(&mut line);
            } else {
                line.push(' ');
            }
        }
        line.push_str(word);
    }
    writeln!(out, "{line}")
}
