//! The contract: names, order of fields, the schema and the examples of the documentation.

use std::fs;

use super::*;
use crate::checked_in::{self, assert_file};
use crate::output::samples;

#[test]
fn the_schema_is_the_one_checked_in() {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap();
    text.push('\n');
    assert_file("docs/event.schema.json", &text);
}

#[test]
fn the_examples_of_the_documentation_are_what_the_encoder_writes() {
    let path = checked_in::path("docs/events.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (name, event) in samples::wire() {
        let start = format!("<!-- example: {name} -->\n");
        let begin = text
            .find(&start)
            .unwrap_or_else(|| panic!("no example of {name}"))
            + start.len();
        let length = text[begin..].find("<!-- end -->").unwrap();
        let example = format!(
            "```json\n{}\n```\n",
            serde_json::to_string_pretty(&event).unwrap()
        );
        text.replace_range(begin..begin + length, &example);
    }
    assert_file("docs/events.md", &text);
}

/// Lines of earlier versions stay readable: this file only ever grows.
#[test]
fn lines_of_earlier_versions_are_read_and_written_the_same() {
    let golden = include_str!("golden.ndjson");
    for line in golden.lines() {
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        let mut again = Vec::new();
        write_line(&event, &mut again).unwrap();
        assert_eq!(std::str::from_utf8(&again).unwrap().trim_end(), line);
    }
}

#[test]
fn every_example_is_in_the_golden_file() {
    let golden = include_str!("golden.ndjson");
    for (name, event) in samples::wire() {
        let line = serde_json::to_string(&event).unwrap();
        assert!(
            golden.lines().any(|known| known == line),
            "append the line of {name}:\n{line}"
        );
    }
}

#[test]
fn a_transition_has_the_fields_of_the_contract_in_order() {
    let (_, event) = samples::wire()
        .into_iter()
        .find(|(name, _)| *name == "transition")
        .unwrap();
    let line = serde_json::to_string(&event).unwrap();
    let expected = concat!(
        r#"{"schema":1,"seq":8,"time":"2026-11-22T13:25:44.123456789Z","type":"transition","#,
        r#""socket":{"id":"b39f94a9635-287b","cookie":4242,"inode":31337,"netns":4026531840,"role":"server"},"#,
        r#""network":{"transport":"tcp","type":"ipv4","local":{"address":"192.0.2.10","port":8080},"#,
        r#""peer":{"address":"198.51.100.7","port":51234},"community_id":"1:1FUCzHgEjcbOpDWCcaRejiLeOfg=","connection":{"state":"close_wait"}},"#,
        r#""process":{"pid":4711,"start_time":"2026-11-22T13:20:00.000000000Z","#,
        r#""comm":"python3","executable":{"name":"python3"},"user":{"id":1000},"attribution":"accept"},"#,
        r#""transition":{"from":"established","to":"close_wait","after_ns":1500000000,"cause":"fin_received"}}"#,
    );
    assert_eq!(line, expected);
}

#[test]
fn a_name_with_quotes_and_control_characters_stays_one_line_of_json() {
    let mut event = samples::transition();
    samples::rename(&mut event, "a\"b\n\u{1b}[2J\\");
    let wire = super::event(&event, 1, samples::CLOCK, About::default());
    let mut line = Vec::new();
    write_line(&wire, &mut line).unwrap();
    assert_eq!(std::str::from_utf8(&line).unwrap().lines().count(), 1);
    let back: Event<'_> = serde_json::from_slice(&line).unwrap();
    assert_eq!(back, wire);
}

/// Every field that the wire types can write is described by the schema.
#[test]
fn the_schema_requires_what_every_line_has() {
    let schema = serde_json::to_value(schema()).unwrap();
    let required = schema["required"].as_array().unwrap();
    for field in ["schema", "seq", "time"] {
        assert!(required.iter().any(|name| name == field), "{field}");
    }
    let kinds: Vec<_> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["properties"]["type"]["const"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "hello",
            "transition",
            "eof",
            "finding",
            "incident",
            "connection",
            "socket",
            "destroyed",
            "remedy",
            "explanation",
            "lost",
            "resync"
        ]
    );
}
