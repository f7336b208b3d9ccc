use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::*;
use crate::client;
use crate::history::{Keeper, Place};
use crate::output::feed::{Feed, Format, Handle};
use crate::output::json;
use crate::output::samples;
use crate::output::select::{Kind, Selection};

async fn body(path: &Path, target: &str) -> (u16, Bytes) {
    let response = client::get(path, target).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

/// A daemon without a kernel: answers queries with what they ask for.
async fn answer(mut queries: mpsc::Receiver<Query>) {
    while let Some(query) = queries.recv().await {
        if let Query::Document { about, answer } = query {
            drop(answer.send(format!("{{\"about\":\"{about:?}\"}}").into()));
        }
    }
}

/// A daemon without a kernel: gives everybody the subscription that is asked for.
async fn welcome(mut queries: mpsc::Receiver<Query>, feed: Handle) {
    while let Some(query) = queries.recv().await {
        if let Query::Subscribe { select, answer } = query
            && let Some(subscription) = feed.subscribe(Format::Json, select, SLOW)
        {
            drop(answer.send(subscription));
        }
    }
}

#[tokio::test]
async fn documents_come_from_the_daemons_task() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let (queries, asked) = mpsc::channel(QUERIES);
    tokio::spawn(serve(
        listener,
        queries,
        Past::new(None),
        std::future::pending(),
    ));
    tokio::spawn(answer(asked));
    for (target, expected) in [
        ("/v1/status", r#"{"about":"Status"}"#),
        ("/v1/findings", r#"{"about":"Findings"}"#),
        ("/readyz", r#"{"about":"Readiness"}"#),
        ("/healthz", "ok\n"),
    ] {
        assert_eq!(
            body(&path, target).await,
            (200, expected.into()),
            "{target}"
        );
    }
    assert_eq!(body(&path, "/v1/nothing").await.0, 404);
}

#[tokio::test]
async fn a_daemon_that_has_ended_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let feed = Feed::new(samples::hello());
    let (queries, asked) = mpsc::channel(QUERIES);
    drop((asked, feed));
    tokio::spawn(serve(
        listener,
        queries,
        Past::new(None),
        std::future::pending(),
    ));
    assert_eq!(body(&path, "/readyz").await.0, 503);
    assert_eq!(body(&path, "/v1/events").await.0, 503);
    assert_eq!(body(&path, "/healthz").await.0, 200);
}

#[tokio::test]
async fn subscribers_get_hello_and_every_line_until_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let mut feed = Feed::new(samples::hello());
    let (queries, asked) = mpsc::channel(QUERIES);
    tokio::spawn(welcome(asked, feed.handle()));
    tokio::spawn(serve(
        listener,
        queries,
        Past::new(None),
        std::future::pending(),
    ));
    let one = client::get(&path, "/v1/events").await.unwrap();
    let two = client::get(&path, "/v1/events").await.unwrap();
    assert_eq!(one.headers()["content-type"], "application/x-ndjson");
    for _ in 0..3 {
        feed.publish(
            &samples::transition(),
            samples::CLOCK,
            json::About::default(),
        );
    }
    feed.flush();
    drop(feed);
    let one = one.into_body().collect().await.unwrap().to_bytes();
    let two = two.into_body().collect().await.unwrap().to_bytes();
    let seqs: Vec<u64> = std::str::from_utf8(&one)
        .unwrap()
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(seqs, [0, 1, 2, 3]);
    let after_hello = |bytes: &Bytes| {
        bytes
            .splitn(2, |byte| *byte == b'\n')
            .nth(1)
            .map(<[u8]>::to_vec)
    };
    assert_eq!(after_hello(&one), after_hello(&two));
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_the_first_not_disturbed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/finback.sock");
    let (guard, listener) = Guard::listen(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let refused = Guard::listen(&path).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "another finback is already running with the socket {}",
            path.display()
        )
    );
    tokio::net::UnixStream::connect(&path).await.unwrap();
    drop((guard, listener));
    assert!(!path.exists());
    drop(Guard::listen(&path).unwrap());
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_but_another_file_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(Guard::listen(&path).unwrap());
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(Guard::listen(&path), Err(Error::NotASocket(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn an_unknown_selection_is_refused_with_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let (queries, _asked) = mpsc::channel(QUERIES);
    tokio::spawn(serve(
        listener,
        queries,
        Past::new(None),
        std::future::pending(),
    ));
    let (status, text) = body(&path, "/v1/events?select=finding,socket").await;
    assert_eq!(status, 400);
    let text = std::str::from_utf8(&text).unwrap().to_owned();
    assert!(
        text.contains("`socket`") && text.contains("connection"),
        "{text}"
    );
    assert_eq!(body(&path, "/v1/events?sel=finding").await.0, 400);
}

fn keep(feed: &Feed, dir: &Path) -> Keeper {
    let place = Place {
        path: dir.join("history"),
        max_bytes: 1 << 20,
        max_age: Duration::from_hours(24 * 365 * 100),
    };
    let subscription =
        feed.handle()
            .subscribe(Format::Json, Selection::of([Kind::Transition]), SLOW);
    Keeper::spawn(place, subscription.unwrap()).unwrap()
}

fn tell(feed: &mut Feed, count: u64) {
    for _ in 0..count {
        feed.publish(
            &samples::transition(),
            samples::CLOCK,
            json::About::default(),
        );
    }
    feed.flush();
}

fn far() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

/// Type and number of each line.
fn told(lines: &Bytes) -> Vec<String> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let words = lines.map(|line| format!("{} {}", line["type"].as_str().unwrap(), line["seq"]));
    words.collect()
}

/// A history of three lines of a daemon before, and of two of this one.
#[tokio::test]
async fn a_stream_that_begins_in_the_past_has_no_gap_and_no_line_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut before = Feed::new(samples::hello());
    let keeper = keep(&before, dir.path());
    tell(&mut before, 3);
    drop(before);
    keeper.end(far()).await;

    let mut feed = Feed::new(samples::hello());
    let keeper = keep(&feed, dir.path());
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let (queries, asked) = mpsc::channel(QUERIES);
    let past = Past::new(Some(keeper.handle()));
    tokio::spawn(serve(listener, queries, past, std::future::pending()));
    tokio::spawn(welcome(asked, feed.handle()));
    tell(&mut feed, 2);
    let target = "/v1/events?select=transition&last=5";
    let stream = client::get(&path, target).await.unwrap();
    tell(&mut feed, 2);
    drop(feed);
    let lines = stream.into_body().collect().await.unwrap().to_bytes();
    let expected = [
        "transition 2",
        "transition 3",
        "hello 0",
        "transition 1",
        "transition 2",
        "hello 2",
        "transition 3",
        "transition 4",
    ];
    assert_eq!(told(&lines), expected);
    keeper.end(far()).await;
}

#[tokio::test]
async fn the_past_alone_is_given_and_a_wrong_time_is_refused_with_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut feed = Feed::new(samples::hello());
    let keeper = keep(&feed, dir.path());
    tell(&mut feed, 4);
    drop(feed);
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let (queries, _asked) = mpsc::channel(QUERIES);
    let past = Past::new(Some(keeper.handle()));
    keeper.end(far()).await;
    tokio::spawn(serve(listener, queries, past, std::future::pending()));
    let (status, lines) = body(&path, "/v1/events?last=1&follow=false").await;
    assert_eq!(
        (status, told(&lines)),
        (200, vec!["transition 4".to_owned()])
    );
    let (status, lines) = body(&path, "/v1/events?until=2020-01-01").await;
    assert_eq!((status, told(&lines)), (200, vec![]));
    let (status, text) = body(&path, "/v1/events?since=soon").await;
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(status == 400 && text.contains("how long ago"), "{text}");
}

#[tokio::test]
async fn where_no_history_is_kept_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let (queries, _asked) = mpsc::channel(QUERIES);
    let past = Past::new(None);
    tokio::spawn(serve(listener, queries, past, std::future::pending()));
    let (status, text) = body(&path, "/v1/events?last=1&follow=false").await;
    assert_eq!(
        (status, &*text),
        (404, &b"this daemon keeps no history\n"[..])
    );
}
