//! The page: one file that needs nothing else, neither a network nor a script.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::about::About;
use super::html::Escaped;
use super::shown::Shown;
use super::{lines, timeline};
use crate::output::json::{Body, Event, Stack, Subject};
use crate::output::text::{self, Style};

/// How text is written, which is then shown as it is.
const STYLE: Style = Style {
    color: false,
    width: Some(100),
};

/// Writes all of it.
pub(super) fn write(
    pages: &[Shown<'_>],
    lines: &[String],
    about: &About,
) -> Result<String, fmt::Error> {
    let events = lines.iter();
    let events: Vec<Event<'_>> = events
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let mut out = String::new();
    head(pages, &mut out)?;
    if pages.len() > 1 {
        contents(pages, &mut out)?;
    }
    for (number, page) in (1_usize..).zip(pages) {
        section(number, page, &events, &mut out)?;
    }
    circumstances(&events, about, &mut out)?;
    out.push_str(&lines::embed(lines));
    out.push_str("</body>\n</html>\n");
    Ok(out)
}

fn head(pages: &[Shown<'_>], out: &mut String) -> fmt::Result {
    let summary = pages.first().map_or("", |page| &*page.page.summary);
    let more = match pages.len() {
        0 | 1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let title = format!("finback: {summary}{more}");
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<h1>finback: what it knows, for a bug report</h1>",
        Escaped(&title),
        include_str!("style.css")
    )
}

fn contents(pages: &[Shown<'_>], out: &mut String) -> fmt::Result {
    out.push_str("<ol>\n");
    for (number, page) in (1_usize..).zip(pages) {
        let summary = Escaped(&page.page.summary);
        writeln!(out, "<li><a href=\"#page-{number}\">{summary}</a></li>")?;
    }
    out.push_str("</ol>\n");
    Ok(())
}

fn section(
    number: usize,
    shown: &Shown<'_>,
    events: &[Event<'_>],
    out: &mut String,
) -> fmt::Result {
    let page = shown.page;
    writeln!(
        out,
        "<section id=\"page-{number}\">\n<h2 class=\"verdict\">{}</h2>",
        Escaped(&page.summary)
    )?;
    if !page.timeline.is_empty() {
        out.push_str("<h3>What happened</h3>\n");
        timeline::draw(page, out)?;
    }
    let mut whole = String::new();
    text::write(shown.event, STYLE, &mut whole)?;
    part("All that there is to say", &whole, out)?;
    part("Evidence and stacks", &evidence(shown, events)?, out)?;
    out.push_str("</section>\n");
    Ok(())
}

fn part(heading: &str, text: &str, out: &mut String) -> fmt::Result {
    if text.is_empty() {
        return Ok(());
    }
    let text = Escaped(text.trim_end());
    writeln!(out, "<h3>{heading}</h3>\n<pre>{text}</pre>")
}

/// The finding and the incident that a page is about, each as it was told last.
fn evidence(shown: &Shown<'_>, events: &[Event<'_>]) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let (finding, incident) = (shown.page.finding, shown.page.incident.as_deref());
    let found = events.iter().rev().find(
        |event| matches!(&event.body, Body::Finding { finding: is, .. } if Some(is.id) == finding),
    );
    let cause = events.iter().rev().find(|event| {
        matches!(&event.body, Body::Incident { incident: is, .. } if Some(&*is.id) == incident)
    });
    for event in found.into_iter().chain(cause) {
        text::write(event, STYLE, &mut out)?;
    }
    Ok(out)
}

/// Versions, programs, the source and the configuration.
fn circumstances(events: &[Event<'_>], about: &About, out: &mut String) -> fmt::Result {
    out.push_str("<section>\n<h2>Where this comes from</h2>\n<table>\n");
    row("finback", about.finback, out)?;
    row("source", &about.source, out)?;
    let now = events.iter().map(|event| event.time).max();
    let now = now.map(|time| time.to_string());
    let known = [
        ("time", now.as_deref()),
        ("host", about.host.as_deref()),
        ("kernel", about.kernel.as_deref()),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            row(name, value, out)?;
        }
    }
    for program in programs(events) {
        row("program", &program, out)?;
    }
    if about.anonymized {
        let what = "addresses, names of programs and of what they run in, paths and arguments are replaced, the same \
                    by the same; times, numbers, ports, process and user ids are as they were";
        row("anonymized", what, out)?;
    }
    out.push_str("</table>\n");
    if let Some(configuration) = &about.configuration {
        part("Configuration", configuration, out)?;
    }
    writeln!(
        out,
        "<p class=\"note\">The lines that this was made from are in this file: <code>finback explain --input THIS.html \
         ID</code> reads them.</p>\n</section>"
    )
}

fn row(name: &str, value: &str, out: &mut String) -> fmt::Result {
    writeln!(out, "<tr><th>{name}</th><td>{}</td></tr>", Escaped(value))
}

/// Executables, with their build ids where a stack has told them.
fn programs(events: &[Event<'_>]) -> BTreeSet<String> {
    let subjects = events.iter().filter_map(|event| event.body.subject());
    let processes = subjects.flat_map(processes);
    let stacks: Vec<&Stack<'_>> = events.iter().flat_map(stacks).collect();
    let described = processes.map(|process| {
        let path = process.executable.path.as_deref();
        let mut frames = stacks.iter().flat_map(|stack| &stack.frames);
        let frame = frames.find(|frame| path.is_some() && frame.module.as_deref() == path);
        let build_id = frame.and_then(|frame| frame.build_id.as_ref());
        let build_id = build_id.map_or_else(String::new, |id| format!(", build id {id}"));
        let path = path.map_or_else(String::new, |path| format!(": {path}"));
        let (name, pid) = (&process.executable.name, process.pid);
        format!("{name} (pid {pid}){path}{build_id}")
    });
    described.collect()
}

fn processes<'e, 'a>(
    subject: &'e Subject<'a>,
) -> impl Iterator<Item = &'e crate::output::json::Process<'a>> {
    subject.process.iter().chain(&subject.peer_process)
}

fn stacks<'e, 'a>(event: &'e Event<'a>) -> Vec<&'e Stack<'a>> {
    if let Body::Finding { finding, .. } = &event.body {
        return finding.stacks.iter().collect();
    }
    if let Body::Incident { incident, .. } = &event.body {
        return incident.stacks.iter().map(|count| &count.stack).collect();
    }
    Vec::new()
}
