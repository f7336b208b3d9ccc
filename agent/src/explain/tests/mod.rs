//! Whole pages, as they are read at night. `BLESS=1` in the environment writes them anew.

use std::fs;
use std::path::PathBuf;

use super::ask;
use super::*;
use crate::output::clock::Time;
use crate::output::json::{Explanation, Topic, Verdict};
use crate::output::text::{self, Style};

/// A host where every process of the lines still runs.
struct Calm;

impl Host for Calm {
    fn inode(&self, pid: u32, fd: u32) -> Option<u64> {
        ((pid, fd) == (4711, 7)).then_some(31_337)
    }

    fn port(&self, service: &str) -> Option<u16> {
        (service == "http-alt").then_some(8080)
    }

    fn process(&self, pid: u32, _started: Time) -> Option<Seen> {
        (pid == 4711).then(|| Seen {
            descriptors: Some((812, 1024)),
            executable: Some("/usr/bin/python3.13".to_owned()),
        })
    }

    fn netns(&self) -> Option<u32> {
        Some(4_026_531_840)
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/explain/tests")
}

fn known(lines: &str) -> Known<'_> {
    let mut known = Known::default();
    for line in lines.lines() {
        known.add(serde_json::from_str(line).unwrap());
    }
    known
}

fn lines(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.ndjson"))).unwrap()
}

fn asked(what: &str) -> Asked {
    let words: Vec<String> = what.split(' ').map(str::to_owned).collect();
    let mut all = ask::arguments(&words).unwrap();
    assert_eq!(all.len(), 1, "{what}");
    all.remove(0)
}

fn pages(name: &str, what: &str, source: Source, check: impl Fn(&[&Explanation<'_>])) -> String {
    let lines = lines(name);
    let known = known(&lines);
    let answer = explain(&known, &asked(what), source, &Calm);
    let pages: Vec<&Explanation<'_>> = answer.pages.iter().map(page).collect();
    check(&pages);
    let style = Style {
        color: false,
        width: Some(80),
    };
    let mut out = String::new();
    for (at, page) in answer.pages.iter().enumerate() {
        if at > 0 {
            out.push_str("\n--------\n\n");
        }
        text::write(page, style, &mut out).unwrap();
    }
    out
}

fn page<'e, 'a>(event: &'e Event<'a>) -> &'e Explanation<'a> {
    let Body::Explanation { explanation, .. } = &event.body else {
        panic!("{event:?}");
    };
    explanation
}

/// Compares a page with the file of that name.
fn golden(file: &str, text: &str) {
    let path = folder().join(format!("{file}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        text,
        "{file}: BLESS=1 writes it anew"
    );
    let commands =
        |line: &str| line.starts_with("  ss ") || line.contains("ss -t") || line.contains("  # ");
    for line in text.lines().filter(|line| !commands(line)) {
        assert!(line.chars().count() <= 80, "{file}: {line}");
    }
}

/// The only page about the only match.
fn one(name: &str, file: &str, what: &str, found: bool, verdict: Option<Verdict>) {
    let text = pages(name, what, Source::Daemon, |pages| {
        assert_eq!(pages.len(), 1, "{what}");
        assert_eq!((pages[0].found, pages[0].verdict), (found, verdict));
    });
    golden(file, &text);
}

#[test]
fn an_unread_end_is_explained_with_the_growth_of_its_incident() {
    one(
        "eof_unread",
        "eof_unread",
        "4711:7",
        true,
        Some(Verdict::EofUnread),
    );
}

#[test]
fn an_end_that_was_told_is_explained_with_the_thread() {
    one(
        "not_closed",
        "not_closed",
        "cookie:4d",
        true,
        Some(Verdict::NotClosed),
    );
}

#[test]
fn a_benign_pool_says_so() {
    one(
        "stale_pooled",
        "stale_pooled",
        "inode:50001",
        true,
        Some(Verdict::StalePooled),
    );
}

#[test]
fn a_full_accept_queue_is_explained_in_its_own_namespace() {
    one(
        "never_accepted",
        "never_accepted",
        "10.0.0.9:33333",
        true,
        Some(Verdict::NeverAccepted),
    );
}

#[test]
fn what_ss_does_not_show_is_explained() {
    one(
        "dead_open",
        "dead_open",
        "#60",
        true,
        Some(Verdict::DeadOpen),
    );
}

#[test]
fn a_silent_network_is_explained() {
    one(
        "dead_peer",
        "dead_peer",
        "192.0.2.40:41000 203.0.113.77:9200",
        true,
        Some(Verdict::DeadPeer),
    );
}

#[test]
fn both_sides_of_a_relay_lead_to_the_side_that_waits() {
    one(
        "relay",
        "relay_waiting",
        "10.1.0.1:52000",
        true,
        Some(Verdict::PeerNotClosing),
    );
    one("relay", "relay_ended", "198.51.100.20:41414", false, None);
}

#[test]
fn healthy_connections_are_explained_too() {
    one("healthy", "established", "198.51.100.8:40000", false, None);
    one("healthy", "time_wait", "198.51.100.8:40001", false, None);
    one(
        "healthy",
        "listener",
        "LISTEN 3 128 0.0.0.0:8080 0.0.0.0:*",
        false,
        None,
    );
    one("healthy", "close_wait", "inode:90004", false, None);
}

#[test]
fn a_process_is_summarised_and_its_worst_three_are_explained() {
    let text = pages("process", "4711", Source::Daemon, |pages| {
        assert_eq!(pages.len(), 4);
        assert_eq!(pages[0].topic, Topic::Process);
        let worst: Vec<_> = pages[1..].iter().map(|page| page.finding).collect();
        assert_eq!(worst, [Some(103), Some(106), Some(105)]);
    });
    golden("process", &text);
}

#[test]
fn an_incident_is_explained_with_its_oldest_connection() {
    let text = pages("eof_unread", "1c5f0d5e8a534c3b", Source::Daemon, |pages| {
        let topics: Vec<_> = pages.iter().map(|page| page.topic).collect();
        assert_eq!(topics, [Topic::Incident, Topic::Connection]);
    });
    golden("incident", &text);
}

#[test]
fn ports_that_are_used_up_are_explained() {
    one(
        "over",
        "time_wait_pressure",
        "#5",
        true,
        Some(Verdict::TimeWaitPressure),
    );
}

#[test]
fn a_finding_that_is_over_is_no_finding_any_more() {
    one("over", "resolved", "#12", false, None);
}

#[test]
fn one_look_says_what_it_cannot_know() {
    let text = pages("eof_unread", "4711:7", Source::Look, |_| {});
    assert!(
        text.contains("One look sees what is, not what was"),
        "{text}"
    );
}

#[test]
fn every_reading_of_a_number_is_tried_and_all_that_exist_are_answered() {
    let lines = lines("process").replace("\"id\":100,", "\"id\":4711,");
    let known = known(&lines);
    let answer = explain(&known, &asked("4711"), Source::Daemon, &Calm);
    let topics: Vec<_> = answer.pages.iter().map(|event| page(event).topic).collect();
    assert!(topics.contains(&Topic::Connection) && topics.contains(&Topic::Process));
    assert!(
        explain(&known, &asked("4712"), Source::Daemon, &Calm)
            .pages
            .is_empty()
    );
}

#[test]
fn a_wide_question_is_answered_with_findings_first_and_a_count_of_the_rest() {
    let lines = lines("process");
    let known = known(&lines);
    let answer = explain(&known, &asked(":8080"), Source::Daemon, &Calm);
    assert_eq!((answer.pages.len(), answer.more), (8, 4));
    assert!(answer.pages.iter().take(7).all(|event| page(event).found));
}

#[test]
fn the_same_socket_is_found_by_everything_that_people_have_in_hand() {
    let lines = lines("eof_unread");
    let known = known(&lines);
    for what in [
        "#12",
        "b39f94a9635-287b",
        "inode:31337",
        "sk:2a",
        "/proc/4711/fd/7",
        "198.51.100.7:51234",
        "192.0.2.10:8080 198.51.100.7:51234",
        "CLOSE-WAIT 338 0 192.0.2.10:8080 198.51.100.7:51234 users:((\"python3\",pid=1,fd=7))",
        "CLOSE-WAIT 338 0 shop.example.org:http-alt client.example.org:51234",
        "tcp 338 0 192.0.2.10:8080 198.51.100.7:51234 CLOSE_WAIT 1000 31337 4711/python3",
        "python3 4711 shop 7u IPv4 31337 0t0 TCP 192.0.2.10:8080->198.51.100.7:51234 (CLOSE_WAIT)",
        "python3 4711 shop 7u sock 0,9 0t0 31337 protocol: TCP",
        "lrwx------ 1 shop shop 64 Nov 27 16:32 7 -> socket:[31337]",
        "3: 0A0200C0:1F90 076433C6:C822 08 00000000:00000152 00:00000000 00000000 1000 0 31337 1",
    ] {
        let answer = explain(&known, &asked(what), Source::Daemon, &Calm);
        let found: Vec<_> = answer
            .pages
            .iter()
            .map(|event| page(event).finding)
            .collect();
        assert_eq!(found, [Some(12)], "{what}");
    }
}

#[test]
fn an_earlier_socket_with_the_same_addresses_is_not_taken_for_this_one() {
    let lines = lines("eof_unread");
    let known = known(&lines);
    let row = "tcp 1 0 192.0.2.10:8080 198.51.100.7:51234 CLOSE_WAIT 1000 31336 4711/python3";
    assert!(
        explain(&known, &asked(row), Source::Daemon, &Calm)
            .pages
            .is_empty()
    );
}

#[test]
fn the_runtime_s_advice_is_given_once() {
    let hint = "Close it. In Python: use `with` for sockets.";
    assert_eq!(page::remedies::general(hint), "Close it.");
    assert_eq!(page::remedies::general("Close it."), "Close it.");
}

#[test]
fn every_verdict_has_something_to_change_and_what_will_not_help() {
    use super::page::{futile, remedies};
    use super::runtime::Runtime;
    use crate::output::json::Role;
    use finback_core::model::finding;

    for verdict in finding::Verdict::ALL
        .iter()
        .map(|verdict| Verdict::from(*verdict))
    {
        assert!(!futile::of(verdict, false).is_empty());
        for runtime in [
            Runtime::Go,
            Runtime::Java,
            Runtime::Python,
            Runtime::Node,
            Runtime::Ruby,
            Runtime::Php,
        ] {
            for role in [Role::Client, Role::Server, Role::Unknown] {
                assert_eq!(remedies::code(verdict, role, runtime).len(), 1);
            }
        }
        assert_eq!(
            remedies::code(verdict, Role::Server, Runtime::Native).len(),
            2
        );
    }
}
