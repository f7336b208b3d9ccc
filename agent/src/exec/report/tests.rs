use std::time::Duration;

use super::*;
use crate::output::json::{Action, Body, Event, Resolution, write_line};
use crate::output::samples;

/// The finding of the samples with its stacks, closed by the end of its process.
fn leak() -> Left {
    let mut samples = samples::wire().into_iter();
    let (_, mut event) = samples.find(|(name, _)| *name == "stacks").unwrap();
    if let Body::Finding { finding, .. } = &mut event.body {
        finding.action = Action::Resolved;
        finding.resolution = Some(Resolution::ProcessExited);
    }
    let mut line = Vec::new();
    write_line(&event, &mut line).unwrap();
    Left {
        how: How::ClosedByExit,
        line,
    }
}

fn told(report: &Report, allowed: usize) -> Told<'_> {
    Told {
        command: "make <check>",
        took: Duration::from_millis(1500),
        report,
        allowed,
        verbose: false,
    }
}

fn written(report: &Report) -> String {
    let mut out = String::new();
    text(&told(report, 0), &mut out).unwrap();
    out
}

fn one_leak() -> Report {
    Report {
        leaks: vec![leak()],
        others: Vec::new(),
    }
}

#[test]
fn of_nothing_nothing_is_said() {
    let nothing = Report::default();
    assert_eq!(written(&nothing), "");
    assert_eq!(json(&told(&nothing, 0)), b"");
    assert!(!told(&nothing, 0).is_failure());
}

#[test]
fn a_leak_is_told_with_the_line_that_opened_it() {
    let text = written(&one_leak());
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("finback: 1 connection was left unclosed by `make <check>`")
    );
    assert_eq!(
        lines.next(),
        Some("1. only the end of python3[4711] closed it: eof_unread (proven)")
    );
    assert_eq!(
        lines.next(),
        Some("    opened at src/shop.c:42 in take_one")
    );
    assert!(
        text.contains("192.0.2.10:8080 <- 198.51.100.7:51234  CLOSE_WAIT"),
        "{text}"
    );
    assert!(text.contains("    hint: "), "{text}");
    assert!(
        !text.contains("    now "),
        "where it is now says nothing: {text}"
    );
}

#[test]
fn as_json_it_is_the_line_of_the_stream() {
    let report = one_leak();
    let lines = json(&told(&report, 0));
    assert_eq!(lines, report.leaks[0].line);
    assert!(serde_json::from_slice::<Event<'_>>(&lines).is_ok());
}

#[test]
fn a_build_server_is_told_a_failure_or_what_is_allowed() {
    let report = one_leak();
    let failing = junit(&told(&report, 0));
    assert!(
        failing.contains("name=\"finback exec: make &lt;check&gt;\" tests=\"1\" failures=\"1\""),
        "{failing}"
    );
    assert!(
        failing.contains("<failure type=\"eof_unread\" message=\"python3[4711] has not"),
        "{failing}"
    );
    assert!(
        failing.contains("name=\"python3: eof_unread opened at src/shop.c:42\""),
        "{failing}"
    );
    let allowed = junit(&told(&report, 1));
    assert!(allowed.contains("tests=\"1\" failures=\"0\""), "{allowed}");
    assert!(!allowed.contains("<failure"), "{allowed}");
    let clean = Report::default();
    assert!(junit(&told(&clean, 0)).contains("name=\"every connection was closed\"/>"));
}
