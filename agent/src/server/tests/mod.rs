mod hostile;
mod limits;
mod metrics;
mod pages;
mod past;
mod slow;
mod table;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;
use crate::client;
use crate::output::feed::{Feed, Format, Handle, Tune};
use crate::output::json::About as Described;
use crate::output::samples;
use crate::refusal::{Reason, Refusal};

/// A server on a socket of its own, until the end of the test.
struct Served {
    path: PathBuf,
    _guard: Guard,
    _directory: TempDir,
}

impl Served {
    fn new(queries: mpsc::Sender<Query>) -> Self {
        Self::with(queries, Past::new(None))
    }

    fn with(queries: mpsc::Sender<Query>, past: Past) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let (guard, listener) = Guard::listen(&path).unwrap();
        tokio::spawn(serve(listener, None, queries, past, std::future::pending()));
        Self {
            path,
            _guard: guard,
            _directory: directory,
        }
    }

    /// In front of a daemon that gives everybody a subscription to `feed`, and no document.
    fn streaming(feed: &Feed) -> Self {
        let (queries, asked) = mpsc::channel(QUERIES);
        tokio::spawn(welcome(asked, feed.handle()));
        Self::new(queries)
    }
}

/// The status and the reason of a refusal.
async fn refusal(path: &Path, target: &str) -> (u16, Reason) {
    let (status, text) = body(path, target).await;
    let refusal: Refusal = serde_json::from_slice(&text).unwrap();
    (status, refusal.error)
}

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
        if let Query::Document { about, answer, .. } = query {
            drop(answer.send(format!("{{\"about\":\"{about:?}\"}}").into()));
        }
    }
}

/// A daemon without a kernel: gives everybody the subscription that is asked for.
async fn welcome(mut queries: mpsc::Receiver<Query>, feed: Handle) {
    while let Some(query) = queries.recv().await {
        if let Query::Subscribe {
            select,
            filter,
            answer,
        } = query
            && let Some(subscription) = feed.tune_in(
                Tune {
                    format: Format::Json,
                    select,
                    filter,
                },
                SLOW,
            )
        {
            drop(answer.send(subscription));
        }
    }
}

#[tokio::test]
async fn documents_come_from_the_daemons_task() {
    let (queries, asked) = mpsc::channel(QUERIES);
    let served = Served::new(queries);
    let path = &served.path;
    tokio::spawn(answer(asked));
    for (target, expected) in [
        ("/v1/status", r#"{"about":"Status"}"#),
        ("/v1/findings", r#"{"about":"Findings"}"#),
        ("/readyz", r#"{"about":"Readiness"}"#),
        ("/healthz", "ok\n"),
    ] {
        assert_eq!(body(path, target).await, (200, expected.into()), "{target}");
    }
}

#[tokio::test]
async fn a_daemon_that_has_ended_is_not_ready() {
    let (queries, asked) = mpsc::channel(QUERIES);
    drop(asked);
    let served = Served::new(queries);
    for target in ["/readyz", "/v1/events"] {
        let (status, reason) = refusal(&served.path, target).await;
        assert_eq!((status, &*reason.code), (503, "daemon_silent"));
    }
    assert_eq!(body(&served.path, "/healthz").await.0, 200);
}

#[tokio::test]
async fn subscribers_get_hello_and_every_line_until_the_end() {
    let mut feed = Feed::new(samples::hello());
    let served = Served::streaming(&feed);
    let one = client::get(&served.path, "/v1/events").await.unwrap();
    let two = client::get(&served.path, "/v1/events").await.unwrap();
    assert_eq!(one.headers()["content-type"], "application/x-ndjson");
    for _ in 0..3 {
        feed.publish(&samples::transition(), samples::CLOCK, Described::default());
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
