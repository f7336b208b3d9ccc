//! An incident in a few names and values, for programs that sort by those.

use crate::output::json::{Incident, Subject, Verdict};
use crate::output::text::{clean, word};

/// Bytes of a value at most: names come from outside.
const VALUE: usize = 256;

/// Names and values; what is not known is absent.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Whose it is and what it is. Of several processes that which has most of the connections.
pub(super) fn labels(subject: &Subject<'_>, incident: &Incident<'_>) -> Labels {
    let k8s = subject.k8s.as_ref();
    let container = k8s
        .and_then(|k8s| k8s.container.as_ref())
        .map(|container| &container.name);
    let container = container.or_else(|| {
        let container = subject.container.as_ref()?;
        Some(container.name.as_ref().unwrap_or(&container.id))
    });
    let namespace = k8s.and_then(|k8s| k8s.namespace.as_ref());
    let pod = k8s.and_then(|k8s| k8s.pod.name.as_ref().or(k8s.pod.uid.as_ref()));
    let verdict = verdict(incident).map(word);
    [
        ("incident", Some(&*incident.id)),
        ("severity", Some(&*word(incident.severity))),
        ("verdict", verdict.as_deref()),
        ("program", Some(&*incident.cause.program)),
        ("workload", incident.cause.workload.as_deref()),
        ("namespace", namespace.map(|namespace| &*namespace.name)),
        ("pod", pod.map(|pod| &**pod)),
        ("container", container.map(|container| &**container)),
        ("unit", subject.systemd_unit.as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, short(value?))))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

/// That of most of its connections.
pub(super) fn verdict(incident: &Incident<'_>) -> Option<Verdict> {
    incident.verdicts.first().map(|of| of.verdict)
}

/// Those with a page of their own; the rest share one.
const PAGES: [Verdict; 5] = [
    Verdict::EofUnread,
    Verdict::NotClosed,
    Verdict::StalePooled,
    Verdict::NeverAccepted,
    Verdict::DeadOpen,
];

/// The page about a verdict, below the place where the documents are.
pub(super) fn page(docs: &str, verdict: Option<Verdict>) -> String {
    let docs = docs.trim_end_matches('/');
    match verdict {
        None => format!("{docs}/verdicts/README.md"),
        Some(own) if PAGES.contains(&own) => format!("{docs}/verdicts/{}.md", word(own)),
        Some(other) => format!("{docs}/verdicts/others.md#{}", word(other)),
    }
}

/// Cleaned, and not longer than may be.
pub(super) fn short(value: &str) -> String {
    let mut value = clean(value);
    value.truncate(value.floor_char_boundary(VALUE));
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::json::Body;
    use crate::output::samples;
    use serde_json::json;

    fn of(change: impl FnOnce(&mut serde_json::Value)) -> Labels {
        let event = samples::incident_line(change);
        let Body::Incident { subject, incident } = &event.body else {
            panic!("an incident")
        };
        labels(subject, incident)
    }

    #[test]
    fn a_service_is_named_by_its_unit() {
        let expected = [
            ("incident", "1c5f0d5e8a534c3b"),
            ("severity", "warning"),
            ("verdict", "eof_unread"),
            ("program", "python shop"),
            ("workload", "shop.service"),
            ("unit", "shop.service"),
        ];
        assert_eq!(
            of(|_| {}),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn a_pod_is_named_by_its_namespace_and_container() {
        let labels = of(|line| {
            line["k8s"] = json!({
                "namespace": {"name": "prod"}, "pod": {"name": "shop-7f", "uid": "x"}, "container": {"name": "web"},
            });
            line["container"] = json!({"id": "0123456789abcdef"});
        });
        for expected in [
            ("namespace", "prod"),
            ("pod", "shop-7f"),
            ("container", "web"),
        ] {
            let expected = (expected.0, expected.1.to_owned());
            assert!(labels.contains(&expected), "{labels:?}");
        }
    }

    #[test]
    fn a_name_is_short_and_moves_no_cursor() {
        let labels = of(|line| {
            line["incident"]["cause"]["program"] = json!(format!("\x1b[2J\n{}", "é".repeat(500)));
        });
        let (_, program) = labels.iter().find(|(name, _)| *name == "program").unwrap();
        assert!(
            program.starts_with("?[2J?é") && program.len() <= VALUE,
            "{program}"
        );
    }

    #[test]
    fn every_verdict_has_a_page_or_a_heading_on_that_of_the_others() {
        use finback_core::model::finding::Verdict as Core;

        let verdicts = Core::ALL
            .iter()
            .map(|verdict| Some(Verdict::from(*verdict)));
        for verdict in verdicts.chain([None]) {
            let page = page("docs/", verdict);
            let (file, heading) = page.split_once('#').unwrap_or((&page, ""));
            let text = std::fs::read_to_string(crate::checked_in::path(file)).unwrap();
            let found = heading.is_empty() || text.contains(&format!("## `{heading}`\n"));
            assert!(found, "{page}");
        }
    }
}
