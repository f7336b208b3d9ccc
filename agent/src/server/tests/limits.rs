//! How much is taken, and of how many.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::super::limits::{
    CONNECTIONS, HARD, HEAD, HEADERS, PATIENCE, QUERY, SUBSCRIBERS, TURNED_AWAY,
};
use super::*;

fn alone() -> Served {
    Served::new(mpsc::channel(QUERIES).0)
}

/// What the server says to these bytes until it hangs up.
async fn said(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// A request, and with it the end of the connection.
fn request(line: &str, headers: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nhost: finback\r\nconnection: close\r\n{headers}\r\n").into()
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_limit() {
    let served = alone();
    let headers =
        |count: usize| (0..count).fold(String::new(), |all, n| format!("{all}a{n}: b\r\n"));
    let long = |name: &str, bytes: usize| format!("{name}{}", "x".repeat(bytes));
    for (what, status, code) in [
        (
            request(&long("GET /v1/events?select=", QUERY), ""),
            "414",
            "query_too_long",
        ),
        (
            request("GET /healthz", &headers(HEADERS)),
            "431",
            "head_too_large",
        ),
        (
            request("GET /healthz", &(long("a: ", HEAD) + "\r\n")),
            "431",
            "head_too_large",
        ),
        (
            request("GET /healthz", "content-length: 2\r\n"),
            "413",
            "body_refused",
        ),
        (
            request("POST /healthz", "transfer-encoding: chunked\r\n"),
            "413",
            "body_refused",
        ),
        (
            request("DELETE /v1/findings", ""),
            "405",
            "method_not_allowed",
        ),
    ] {
        let text = said(&served.path, &what).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let refusal: Refusal = serde_json::from_str(body).unwrap();
        assert_eq!(refusal.error.code, code);
        assert_eq!(head.contains("allow: GET, HEAD"), status == "405", "{head}");
    }
}

#[tokio::test]
async fn what_is_just_small_enough_is_done() {
    let served = alone();
    let headers = (0..HEADERS - 2).fold(String::new(), |all, n| format!("{all}a{n}: b\r\n"));
    for line in ["GET /healthz", "HEAD /healthz"] {
        let text = said(&served.path, &request(line, &headers)).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert_eq!(text.ends_with("\r\n\r\nok\n"), line.starts_with("GET"));
    }
    let empty = request("GET /healthz", "content-length: 0\r\n");
    assert!(
        said(&served.path, &empty)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}

#[tokio::test]
async fn what_is_far_too_large_is_not_even_read() {
    let served = alone();
    let headers = (0..=HARD * HEADERS).fold(String::new(), |all, n| format!("{all}a{n}: b\r\n"));
    let text = said(&served.path, &request("GET /healthz", &headers)).await;
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    let mut stream = UnixStream::connect(&served.path).await.unwrap();
    let endless = vec![b'x'; 16 * HARD * HEAD];
    // It hangs up long before the end: what it says may be lost with that.
    drop(stream.write_all(b"GET / HTTP/1.1\r\na: ").await);
    assert!(stream.write_all(&endless).await.is_err());
}

/// The clock stands still while anything can be done, and leaps when all wait.
#[tokio::test(start_paused = true)]
async fn who_does_not_finish_his_request_is_cut_off() {
    let served = alone();
    for begun in [&b""[..], b"GET /healthz HTTP/1.1\r\nhost: "] {
        let start = Instant::now();
        assert_eq!(said(&served.path, begun).await, "");
        assert!(start.elapsed() >= PATIENCE);
    }
    // The same after an answer.
    let text = said(&served.path, b"GET /healthz HTTP/1.1\r\nhost: f\r\n\r\n").await;
    assert!(text.ends_with("ok\n"), "{text}");
    // A byte now and then does not help.
    let mut stream = UnixStream::connect(&served.path).await.unwrap();
    let start = Instant::now();
    while stream.write_all(b"G").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() < 2 * PATIENCE);
}

#[tokio::test]
async fn one_subscriber_too_many_is_refused_until_another_one_leaves() {
    let feed = Feed::new(samples::hello());
    let served = Served::streaming(&feed);
    let mut readers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        let response = client::ask(&served.path, "/v1/events").await.unwrap();
        readers.push(response.into_body());
    }
    let (status, reason) = refusal(&served.path, "/v1/events").await;
    assert_eq!((status, &*reason.code), (503, "too_many_subscribers"));
    assert!(!reason.help.is_empty());
    assert_eq!(body(&served.path, "/healthz").await.0, 200);

    readers.pop();
    while feed.handle().subscribers() == SUBSCRIBERS {
        tokio::task::yield_now().await;
    }
    client::ask(&served.path, "/v1/events").await.unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_next_is_served_when_one_has_gone() {
    let served = alone();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(UnixStream::connect(&served.path).await.unwrap());
    }
    for _ in 0..2 * TURNED_AWAY {
        let (status, reason) = refusal(&served.path, "/healthz").await;
        assert_eq!((status, &*reason.code), (503, "too_many_connections"));
    }
    drop(connections);
    // They are all seen to go before the next one is accepted, or at worst it is told to try again.
    while body(&served.path, "/healthz").await.0 != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_end_lets_an_answer_finish_and_keeps_nobody_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let (_guard, listener) = Guard::listen(&path).unwrap();
    let mut feed = Feed::new(samples::hello());
    let (queries, asked) = mpsc::channel(QUERIES);
    tokio::spawn(welcome(asked, feed.handle()));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, None, queries, Past::new(None), async {
        drop(ended.await);
    }));
    let idle = UnixStream::connect(&path).await.unwrap();
    let stream = client::ask(&path, "/v1/events").await.unwrap();
    drop(end);
    while UnixStream::connect(&path).await.is_ok() {
        tokio::task::yield_now().await;
    }
    feed.publish(&samples::transition(), samples::CLOCK, Described::default());
    feed.flush();
    drop(feed);
    let lines = stream.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(std::str::from_utf8(&lines).unwrap().lines().count(), 2);
    serving.await.unwrap();
    drop(idle);
}
