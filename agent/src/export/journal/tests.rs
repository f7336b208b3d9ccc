//! What is told to the journal, and in which words. A real journald reads it in tests/journal.rs.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::checked_in;
use crate::export::journal::entry::Accused;
use crate::export::outbox::Carrier as _;
use crate::export::{Answer, Exporters};
use crate::output::clock::Time;
use crate::output::feed::{Feed, Format};
use crate::output::json::About;
use crate::output::samples;
use crate::output::select::{Kind, Selection};

fn entry(change: Change, edit: impl FnOnce(&mut Value)) -> Entry {
    let event = samples::incident_line(edit);
    let Body::Incident { subject, incident } = &event.body else {
        panic!("an incident")
    };
    Entry::of(
        event.time,
        subject,
        incident,
        change,
        "https://docs.example",
    )
}

fn text(entry: &Entry) -> String {
    String::from_utf8(entry.fields.clone()).unwrap()
}

#[test]
fn an_entry_says_what_happened_how_bad_it_is_whose_and_where_to_read_on() {
    let entry = entry(Change::Raised, |_| {});
    assert_eq!(
        text(&entry),
        "MESSAGE=rising: python shop in shop.service: port 8080 <- 198.51.100.7 (12), 198.51.100.8 (2); 14 for \
         7 min 00 s; 2.1 more a minute; 211 of 1024 fds, full in 6 h 24 min; 13 eof_unread, 1 not_closed; 13 \
         epoll_edge_delivered, 1 nobody_waits; read until the end-of-stream and close, or set a read timeout\n\
         MESSAGE_ID=06a47184771a459c84ad18b14a689a30\n\
         PRIORITY=4\n\
         SYSLOG_IDENTIFIER=finback\n\
         DOCUMENTATION=https://docs.example/verdicts/eof_unread.md\n\
         FINBACK_ACTION=raised\n\
         FINBACK_INCIDENT=1c5f0d5e8a534c3b\n\
         FINBACK_SEVERITY=warning\n\
         FINBACK_VERDICT=eof_unread\n\
         FINBACK_PROGRAM=python shop\n\
         FINBACK_WORKLOAD=shop.service\n\
         FINBACK_UNIT=shop.service\n\
         FINBACK_REASON=rising\n\
         FINBACK_ROLE=server\n\
         FINBACK_PORT=8080\n\
         FINBACK_CONNECTIONS=14\n\
         FINBACK_TOTAL=15\n\
         FINBACK_PID=4711\n\
         FINBACK_HINT=read until the end-of-stream and close, or set a read timeout\n"
    );
}

#[test]
fn what_others_have_named_makes_no_field_of_its_own() {
    let entry = entry(Change::Opened, |line| {
        line["incident"]["cause"]["program"] = json!("x\nOBJECT_PID=1\nPRIORITY=0");
        line["incident"]["hint"] = json!("a\nMESSAGE=b");
    });
    let text = text(&entry);
    for forged in ["\nOBJECT_PID=", "\nPRIORITY=0", "\nMESSAGE=b"] {
        assert!(!text.contains(forged), "{text}");
    }
}

#[test]
fn a_value_of_several_lines_goes_with_its_length() {
    let mut fields = Vec::new();
    entry::put(&mut fields, "A", "b\nc");
    assert_eq!(fields, b"A\n\x03\0\0\0\0\0\0\0b\nc\n");
}

#[test]
fn every_kind_of_change_has_an_id_that_the_documentation_names() {
    let page = std::fs::read_to_string(checked_in::path("docs/export.md")).unwrap();
    for change in Change::ALL {
        let row = format!("| `{}` | `{}` |", change.name(), change.message_id());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn numbers_that_change_are_told_again_after_a_while_and_everything_only_so_often() {
    let at = |seconds: u64| Time::from_unix_nanos(seconds * 1_000_000_000);
    let rate = Rate {
        entries: 2,
        period: Duration::from_mins(1),
    };
    let mut limit = Limit::new(rate, Duration::from_mins(10));
    assert!(limit.is_due("a", at(1000)) && limit.allows(at(1000)));
    limit.told("a", at(1000), false);
    assert!(!limit.is_due("a", at(1599)) && limit.is_due("b", at(1599)));
    assert!(limit.is_due("a", at(1600)));
    limit.told("a", at(1600), true);
    assert!(
        limit.is_due("a", at(1601)),
        "it is over: the next is another one"
    );

    assert!(limit.allows(at(2000)) && limit.allows(at(2001)));
    assert!(!limit.allows(at(2059)));
    assert!(limit.allows(at(2060)));
    assert!(limit.allows(at(3)), "the clock was set back");
}

/// A socket where a journald would listen.
fn listen(dir: &TempDir) -> (PathBuf, UnixDatagram) {
    let path = dir.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    (path, socket)
}

fn receive(socket: &UnixDatagram) -> String {
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn a_process_that_has_ended_is_not_named_as_one_that_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (path, journald) = listen(&dir);
    let mut socket = Socket::new(path);
    let own = std::process::id();
    let start = crate::process::birth(own).unwrap().start;
    let start = crate::output::clock::WallClock::measure().at(start);
    let later = Time::from_unix_nanos(start.as_unix_nanos() + 60_000_000_000);
    for (pid, start, named) in [(own, start, true), (own, later, false), (0, start, false)] {
        let accused = Some(Accused { pid, start });
        let entry = Entry {
            accused,
            ..entry(Change::Opened, |_| {})
        };
        assert_eq!(socket.deliver(&[entry]).await, Answer::Delivered);
        let field = format!("\nOBJECT_PID={own}\n");
        assert_eq!(receive(&journald).contains(&field), named, "{accused:?}");
    }
}

#[tokio::test]
async fn a_journald_that_is_started_again_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, journald) = listen(&dir);
    let mut socket = Socket::new(path.clone());
    let entry = [entry(Change::Opened, |_| {})];
    assert_eq!(socket.deliver(&entry).await, Answer::Delivered);
    drop(journald);
    std::fs::remove_file(&path).unwrap();
    let Answer::Later { why, .. } = socket.deliver(&entry).await else {
        panic!("nobody listens")
    };
    assert!(why.starts_with("cannot write to "), "{why}");
    assert!(matches!(socket.deliver(&entry).await, Answer::Later { .. }));
    let (_, journald) = listen(&dir);
    assert_eq!(socket.deliver(&entry).await, Answer::Delivered);
    assert!(receive(&journald).starts_with("MESSAGE="));
}

#[tokio::test]
async fn incidents_below_the_threshold_are_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, journald) = listen(&dir);
    for (severity, told) in [(Severity::Critical, 0), (Severity::Warning, 1)] {
        let mut feed = Feed::new(samples::hello());
        let select = Selection::of([Kind::Incident]);
        let subscription = feed
            .handle()
            .subscribe(Format::Json, select, crate::export::SLOW);
        let settings = Settings {
            socket: socket.clone(),
            severity,
            docs: "https://docs.example".to_owned(),
        };
        let job = job(settings, subscription.unwrap()).unwrap();
        let exporters = Exporters::spawn(vec![job]).unwrap().unwrap();
        feed.publish(&samples::incident(), samples::CLOCK, About::default());
        feed.flush();
        drop(feed);
        let handle = exporters.handle();
        exporters
            .end(tokio::time::Instant::now() + Duration::from_mins(1))
            .await;
        assert_eq!(handle.states()[0].delivered, told, "{severity:?}");
    }
    assert!(receive(&journald).contains("\nFINBACK_ACTION=raised\n"));
}

#[test]
fn without_a_journald_there_is_no_exporter() {
    let feed = Feed::new(samples::hello());
    let select = Selection::of([Kind::Incident]);
    let subscription = feed
        .handle()
        .subscribe(Format::Json, select, crate::export::SLOW);
    let settings = Settings {
        socket: "/nonexistent/socket".into(),
        severity: Severity::Info,
        docs: String::new(),
    };
    assert!(job(settings, subscription.unwrap()).is_none());
}
