//! The report as JUnit's XML, which build servers show beside the tests of the command.

use std::fmt::Write as _;

use super::Told;
use super::text;
use crate::exec::judge::Left;
use crate::output::json::{Body, Subject};
use crate::output::text::{opened_at, word};

/// One test case per leak; one that has passed if there is none, or if all are allowed.
pub fn junit(told: &Told<'_>) -> String {
    let leaks = &told.report.leaks;
    let failing = told.is_failure();
    let failures = if failing { leaks.len() } else { 0 };
    let cases = leaks.len().max(1);
    let name = escaped(told.command);
    let seconds = told.took.as_secs_f64();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"finback exec: {name}\" \
         tests=\"{cases}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">\n"
    );
    for left in leaks {
        case(left, failing, &mut xml);
    }
    if leaks.is_empty() {
        xml.push_str(
            "<testcase classname=\"finback.exec\" name=\"every connection was closed\"/>\n",
        );
    }
    xml.push_str("</testsuite>\n</testsuites>\n");
    xml
}

/// Named by what stays the same from run to run: no pid, no port that the kernel chose.
fn case(left: &Left, failing: bool, xml: &mut String) {
    let event = left.event();
    let (name, kind, message) = match event.as_ref().map(|event| &event.body) {
        Some(Body::Finding { subject, finding }) => {
            let verdict = word(finding.verdict);
            let place = opened_at(finding).and_then(|f| Some((f.file.as_deref()?, f.line?)));
            let place = place.map_or_else(String::new, |(file, line)| {
                format!(" opened at {file}:{line}")
            });
            let name = format!("{}: {verdict}{place}", program(subject));
            (name, verdict, finding.summary.to_string())
        }
        Some(Body::Socket { subject, .. }) => {
            let message = "its opener has ended, and another program holds it";
            (
                format!("{}: inherited", program(subject)),
                "inherited".to_owned(),
                message.to_owned(),
            )
        }
        Some(Body::Transition { subject, .. }) => {
            let message = "it was open when its process ended";
            (
                format!("{}: open at exit", program(subject)),
                "open_at_exit".to_owned(),
                message.to_owned(),
            )
        }
        Some(
            Body::Hello { .. }
            | Body::Eof { .. }
            | Body::Incident { .. }
            | Body::Connection { .. }
            | Body::Destroyed { .. }
            | Body::Remedy { .. }
            | Body::Explanation { .. }
            | Body::Lost { .. }
            | Body::Resync { .. },
        )
        | None => return,
    };
    let mut whole = String::new();
    // Writing to a string does not fail.
    text::left(left, &mut whole).unwrap_or_default();
    let (name, kind, message) = (escaped(&name), escaped(&kind), escaped(&message));
    let opening = format!("<testcase classname=\"finback.exec\" name=\"{name}\">");
    let body = escaped(&whole);
    let inner = if failing {
        format!("<failure type=\"{kind}\" message=\"{message}\">{body}</failure>")
    } else {
        format!("<system-out>{body}</system-out>")
    };
    writeln!(xml, "{opening}{inner}</testcase>").unwrap_or_default();
}

fn program(subject: &Subject<'_>) -> String {
    let process = subject.process.as_ref();
    process.map_or_else(|| "-".to_owned(), |process| process.comm.to_string())
}

/// For an attribute or a text; what XML 1.0 cannot hold is a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('?'),
            character if character.is_control() => out.push('?'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_program_is_called_can_break_the_document() {
        let nasty = "a<b>&\"\u{1b}[31m\u{0}\u{ffff}]]>";
        assert_eq!(escaped(nasty), "a&lt;b&gt;&amp;&quot;?[31m??]]&gt;");
        assert_eq!(escaped("two\nlines"), "two\nlines");
    }
}
