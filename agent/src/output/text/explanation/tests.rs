use super::*;
use crate::output::json::{Moment, Topic};

fn page() -> Explanation<'static> {
    Explanation {
        asked: "#1".into(),
        topic: Topic::Connection,
        found: false,
        verdict: None,
        severity: None,
        confidence: None,
        finding: None,
        incident: None,
        summary: "nothing is wrong".into(),
        timeline: Vec::new(),
        holders: Vec::new(),
        code: Vec::new(),
        why: Vec::new(),
        origin: Origin::Nobody,
        origin_evidence: Vec::new(),
        related: Vec::new(),
        costs: Vec::new(),
        remedies: Vec::new(),
        futile: Vec::new(),
        commands: Vec::new(),
        unknown: Vec::new(),
        page: None,
    }
}

fn written(page: &Explanation<'_>, width: Option<u16>) -> String {
    let mut out = String::new();
    let style = Style {
        color: false,
        width,
    };
    write(
        Time::from_unix_nanos(86_400_000_000_000),
        page,
        style,
        &mut out,
    )
    .unwrap();
    out
}

#[test]
fn lines_fit_a_narrow_terminal_and_never_exceed_eighty_columns() {
    let mut page = page();
    page.why = vec![
        "words of a sentence that goes on and on "
            .repeat(10)
            .trim()
            .to_owned()
            .into(),
    ];
    for (width, most) in [
        (Some(40), 40),
        (Some(80), 80),
        (Some(300), 80),
        (None, 80),
        (Some(1), 20),
    ] {
        let text = written(&page, width);
        assert!(
            text.lines().all(|line| line.chars().count() <= most),
            "{text}"
        );
    }
}

#[test]
fn a_command_is_never_broken() {
    let mut page = page();
    let command = "ss -tanpeoim src 192.0.2.1:80 ".repeat(5);
    page.commands = vec![command.trim_end().to_owned().into()];
    assert!(written(&page, Some(40)).contains(command.trim_end()));
}

#[test]
fn moments_of_another_day_bear_their_date() {
    let mut page = page();
    page.timeline = vec![
        Moment {
            time: Some(Time::from_unix_nanos(1_000_000_000)),
            end: None,
            text: "hung up".into(),
        },
        Moment {
            time: Some(Time::from_unix_nanos(86_401_000_000_000)),
            end: None,
            text: "told".into(),
        },
        Moment {
            time: None,
            end: None,
            text: "never closed".into(),
        },
    ];
    let text = written(&page, None);
    let lines: Vec<&str> = text.lines().skip(3).collect();
    assert_eq!(
        lines,
        [
            "  1970-01-01 00:00:01  hung up",
            "  00:00:01             told",
            "                       never closed",
        ]
    );
}

#[test]
fn other_people_s_names_cannot_control_a_terminal() {
    let mut page = page();
    page.summary = "evil\x1b[2J".into();
    page.holders = vec!["a\nb".into()];
    let text = written(&page, None);
    assert!(text.starts_with("evil?[2J\n"), "{text}");
    assert!(text.contains("  a?b\n"), "{text}");
}
