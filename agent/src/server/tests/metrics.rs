//! Metrics on the socket, and over TCP, where there is nothing else.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::*;
use crate::metrics::Request;
use crate::metrics::kit::gauge;

/// A daemon that tells whether lifetimes are asked for.
async fn measured(mut queries: mpsc::Receiver<Query>) {
    while let Some(query) = queries.recv().await {
        if let Query::Metrics(Request { lifetimes, answer }) = query {
            let value = f64::from(u8::from(lifetimes));
            drop(answer.send(vec![gauge("t_lifetimes", "Lifetimes", value)]));
        }
    }
}

async fn said(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    headers: &str,
) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn metrics_come_in_the_format_that_the_client_reads_best() {
    let (queries, asked) = mpsc::channel(QUERIES);
    tokio::spawn(measured(asked));
    let served = Served::new(queries);
    let get = async |path: &str, headers: &str| {
        let stream = UnixStream::connect(&served.path).await.unwrap();
        said(stream, path, headers).await
    };
    let classic = get("/metrics", "").await;
    assert!(classic.contains("text/plain; version=0.0.4"), "{classic}");
    assert!(classic.contains("\nt_lifetimes 0.0\n"), "{classic}");
    let accept = "accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n";
    let standard = get("/metrics?collect=lifetimes", accept).await;
    assert!(standard.contains("application/openmetrics-text; version=1.0.0"));
    assert!(
        standard.contains("\nt_lifetimes 1.0\n# EOF\n"),
        "{standard}"
    );
    let wrong = get("/metrics?collect=everything", "").await;
    assert!(wrong.contains("collect=lifetimes"), "{wrong}");
}

#[tokio::test]
async fn over_tcp_nothing_is_served_but_metrics_and_health() {
    let (queries, asked) = mpsc::channel(QUERIES);
    tokio::spawn(measured(asked));
    let dir = tempfile::tempdir().unwrap();
    let (_guard, listener) = Guard::listen(&dir.path().join("s")).unwrap();
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = open.local_addr().unwrap();
    let past = Past::new(None);
    tokio::spawn(serve(
        listener,
        Some(open),
        queries,
        past,
        std::future::pending(),
    ));
    for (path, expected) in [
        ("/metrics", "200 OK"),
        ("/healthz", "200 OK"),
        ("/v1/incidents", "404 Not Found"),
        ("/v1/events", "404 Not Found"),
        ("/v1/status", "404 Not Found"),
        ("/v1/openapi.json", "404 Not Found"),
    ] {
        let stream = TcpStream::connect(address).await.unwrap();
        let answer = said(stream, path, "").await;
        assert!(answer.contains(expected), "{path}: {answer}");
        assert!(!answer.contains("/v1/findings"), "{answer}");
    }
}
