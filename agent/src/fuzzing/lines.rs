//! Lines that were saved, or that somebody says are.

use std::sync::LazyLock;

use crate::bundle::{About, Bundle, lines};
use crate::explain::ask::{Asked, Reading};
use crate::explain::{Known, Silent, Source, explain};
use crate::filter::Filter;
use crate::output::json::{self, Body, Event};
use crate::output::text::{self, Style};

const PLAIN: Style = Style {
    color: false,
    width: None,
};

/// Lines, or a page that has them inside: each is written again as it was read, is shown without moving a cursor, and
/// is explained and bundled with the others.
pub(super) fn lines(bytes: &[u8]) {
    let extracted = lines::is_page(bytes).then(|| lines::extract(bytes).ok());
    let text = super::lossy(extracted.flatten().as_deref().unwrap_or(bytes));
    let mut known = Known::default();
    let mut asked = Vec::new();
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
            continue;
        };
        again(&event);
        shown(&event);
        filtered(&event);
        asked.extend(id(&event));
        known.add(event);
    }
    asked.truncate(3);
    bundled(&text, &known, &asked);
}

fn again(event: &Event<'_>) {
    let mut line = Vec::new();
    json::write_line(event, &mut line).expect("memory");
    let (feed, written) = line.split_last().expect("a line");
    assert!(*feed == b'\n' && !written.iter().any(|byte| *byte < b' '));
    let plainly = serde_json::to_string(event).expect("memory");
    assert_eq!(plainly, super::lossy(written));
    let read = serde_json::from_slice::<Event<'_>>(written).expect("a line of ours");
    let mut twice = Vec::new();
    json::write_line(&read, &mut twice).expect("memory");
    assert_eq!(super::lossy(&twice), super::lossy(&line));
}

fn shown(event: &Event<'_>) {
    let mut shown = String::new();
    text::write(event, PLAIN, &mut shown).expect("memory");
    let moves = |c: char| c != '\n' && c.is_control();
    assert!(!shown.contains(moves), "{shown:?}");
}

/// One of each kind of word.
fn filtered(event: &Event<'_>) {
    static FILTER: LazyLock<Filter> = LazyLock::new(|| {
        let text =
            "age > 30s and comm = *a* and pid = 1,2 and peer = 10.0.0.0/8 and state = close-wait";
        text.parse().expect("a filter")
    });
    FILTER.selects(event);
    FILTER.passes(event);
}

fn id(event: &Event<'_>) -> Option<Asked> {
    let reading = match &event.body {
        Body::Finding { finding, .. } => Reading::Finding(finding.id),
        Body::Socket { subject, .. } => Reading::Process(subject.process.as_ref()?.pid),
        Body::Incident { incident, .. } => Reading::Incident(incident.id.to_string()),
        Body::Hello { .. }
        | Body::Transition { .. }
        | Body::Eof { .. }
        | Body::Connection { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => return None,
    };
    Some(Asked {
        text: String::new(),
        readings: vec![reading],
    })
}

fn bundled(text: &str, known: &Known<'_>, asked: &[Asked]) {
    let answers = asked
        .iter()
        .map(|one| explain(known, one, Source::File, &Silent));
    let pages: Vec<Event<'_>> = answers.flat_map(|answer| answer.pages).collect();
    pages.iter().for_each(shown);
    let bundle = Bundle::of(&pages, text, known);
    let about = About {
        finback: "0",
        source: String::new(),
        host: None,
        kernel: None,
        configuration: None,
        anonymized: true,
    };
    let Ok(bundle) = bundle.anonymize() else {
        return;
    };
    let page = bundle.page(Source::File, &Silent, &about).expect("memory");
    assert!(!page.contains("<script>"), "no script but data");
}
