//! Pages about what somebody has in hand, and lists of the past.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::*;
use crate::history::{Keeper, Place};
use crate::output::json::Accused;
use crate::output::select::{Kind, Selection};
use finback_core::model::finding::Action;
use finback_core::model::look::Snapshot;
use finback_core::model::time::Timestamp;

/// A look at a host without sockets.
fn shown() -> Shown {
    Shown {
        snapshot: Snapshot {
            taken: Timestamp::default(),
            took: Duration::ZERO,
            cost: Duration::ZERO,
            jiffies: None,
            sockets: Vec::new(),
            unheld: None,
            openers: Vec::new(),
        },
        accused: Accused::default(),
        defaults: Vec::new(),
        clock: samples::CLOCK,
        host_root: "/".into(),
    }
}

/// A daemon without a kernel that knows of these findings.
async fn informed(mut queries: mpsc::Receiver<Query>, findings: String) {
    while let Some(query) = queries.recv().await {
        match query {
            Query::Look { answer } => drop(answer.send(shown())),
            Query::Document {
                about: About::Findings,
                answer,
                ..
            } => drop(answer.send(format!("{{\"findings\":[{findings}]}}").into())),
            Query::Document { answer, .. } => drop(answer.send("{\"incidents\":[]}".into())),
            Query::Metrics(_) | Query::Subscribe { .. } => {}
        }
    }
}

/// In front of it, with the history of a daemon that has told of a finding to its end, and of an incident.
async fn served(findings: &str) -> (Served, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place {
        path: dir.path().join("history"),
        max_bytes: 1 << 20,
        max_age: Duration::from_hours(24 * 365 * 100),
    };
    let mut feed = Feed::new(samples::hello());
    let select = Selection::of([Kind::Finding, Kind::Incident]);
    let subscription = feed.handle().subscribe(Format::Json, select, SLOW);
    let keeper = Keeper::spawn(place, subscription.unwrap()).unwrap();
    for event in [
        samples::finding(Action::Opened),
        samples::finding(Action::Resolved),
        samples::incident(),
    ] {
        feed.publish(&event, samples::CLOCK, Described::default());
    }
    feed.flush();
    let (queries, asked) = mpsc::channel(QUERIES);
    let served = Served::with(queries, Past::new(Some(keeper.handle())));
    tokio::spawn(informed(asked, findings.to_owned()));
    drop(feed);
    keeper.end(Instant::now() + Duration::from_mins(10)).await;
    (served, dir)
}

async fn document(served: &Served, target: &str) -> Value {
    let (status, text) = body(&served.path, target).await;
    assert_eq!(status, 200, "{target}: {text:?}");
    serde_json::from_slice(&text).unwrap()
}

/// The line of a finding that is open.
fn open() -> String {
    let mut lines = include_str!("../../explain/tests/not_closed.ndjson").lines();
    let line = lines.rfind(|line| line.contains("\"id\":31,"));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn a_page_is_about_what_is_known_now() {
    let (served, _dir) = served(&open()).await;
    for what in ["%2331", "31", "finding:31"] {
        let found = document(&served, &format!("/v1/explain?what={what}")).await;
        let pages = found["explanations"].as_array().unwrap();
        assert_eq!((pages.len(), &found["more"]), (1, &Value::from(0)));
        let page = &pages[0]["explanation"];
        assert_eq!(
            (&page["finding"], &page["found"]),
            (&31.into(), &true.into())
        );
    }
}

#[tokio::test]
async fn what_is_over_is_explained_out_of_the_history() {
    let (served, _dir) = served(&open()).await;
    let told = document(&served, "/v1/findings?last=10").await;
    let id = &told["findings"][0]["finding"]["id"];
    let found = document(&served, &format!("/v1/explain?what=%23{id}")).await;
    let page = &found["explanations"][0]["explanation"];
    assert_eq!(page["found"], false);
    let summary = page["summary"].as_str().unwrap();
    assert!(summary.starts_with("Over"), "{summary}");
    let told = document(&served, "/v1/incidents?since=2020-01-01").await;
    let id = told["incidents"][0]["incident"]["id"].as_str().unwrap();
    let found = document(&served, &format!("/v1/explain?what={id}")).await;
    assert_eq!(found["explanations"][0]["explanation"]["topic"], "incident");
}

#[tokio::test]
async fn what_cannot_be_explained_is_refused_with_the_reason() {
    let (served, _dir) = served(&open()).await;
    for (target, status, code) in [
        ("/v1/explain", 400, "missing_parameter"),
        ("/v1/explain?what=", 400, "unreadable"),
        ("/v1/explain?what=soup", 400, "unreadable"),
        ("/v1/explain?what=%23999", 404, "nothing_matches"),
        ("/v1/explain?what=192.0.2.99:1", 404, "nothing_matches"),
    ] {
        let (found, reason) = refusal(&served.path, target).await;
        assert_eq!((found, &*reason.code), (status, code), "{target}");
    }
}

#[tokio::test]
async fn a_list_of_the_past_has_each_as_it_was_told_last() {
    let (served, _dir) = served("").await;
    let told = document(&served, "/v1/findings?since=2020-01-01").await;
    let told = told["findings"].as_array().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["finding"]["action"], "resolved");
    let none = "/v1/findings?until=2020-01-01";
    assert_eq!(
        document(&served, none).await["findings"],
        Value::from(Vec::<Value>::new())
    );
    let other = "/v1/findings?last=9&filter=comm%20%3D%20nobody";
    assert_eq!(
        document(&served, other).await["findings"],
        Value::from(Vec::<Value>::new())
    );
    let open = document(&served, "/v1/findings").await;
    assert_eq!(open["findings"], Value::from(Vec::<Value>::new()));
}

#[tokio::test]
async fn a_list_of_the_past_needs_a_history() {
    let (queries, _asked) = mpsc::channel(QUERIES);
    let served = Served::new(queries);
    let (status, reason) = refusal(&served.path, "/v1/incidents?last=1").await;
    assert_eq!((status, &*reason.code), (404, "no_history"));
}
