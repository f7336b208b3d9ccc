//! The lines inside the page: one JSON array, a line of the file for each, in a script element that no browser runs.

use serde_json::Value;

const START: &str = "<script type=\"application/json\" id=\"finback-lines\">";
const END: &str = "</script>";

/// How a page begins.
const PAGE: &[u8] = b"<!doctype html";

/// The element. What stands in a string and could end it, or begin a comment, is escaped as JSON allows.
pub(super) fn embed(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.trim().replace('<', "\\u003c"))
        .collect();
    format!("{START}[\n{}\n]{END}\n", lines.join(",\n"))
}

/// Whether a text is such a page.
pub fn is_page(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.get(..PAGE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PAGE))
}

/// The lines of a page, as NDJSON; nothing if it has none.
pub fn extract(page: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let start = memchr::memmem::find(page, START.as_bytes()).map(|at| at + START.len());
    let rest = start.and_then(|start| page.get(start..)).unwrap_or(b"[]");
    let end = memchr::memmem::find(rest, END.as_bytes()).unwrap_or(rest.len());
    let lines: Vec<Value> = serde_json::from_slice(rest.get(..end).unwrap_or(rest))?;
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}
