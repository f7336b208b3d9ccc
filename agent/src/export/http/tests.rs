use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};

use super::receiver::{Answer, Authority, Receiver};
use super::*;

fn post(path: &str) -> Post<'_> {
    Post {
        path,
        content_type: "application/json",
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
    }
}

fn to(receiver: &Receiver, scheme: &str) -> Endpoint {
    format!("{scheme}://{}/base?key=1", receiver.address())
        .parse()
        .unwrap()
}

fn delivered() -> Outcome {
    Outcome::Delivered {
        answer: Bytes::new(),
    }
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Later { why, .. } | Outcome::Refused { why } => why,
        Outcome::Delivered { .. } => panic!("delivered"),
    }
}

#[tokio::test]
async fn a_request_has_its_path_and_headers_and_connections_are_kept() {
    let mut receiver = Receiver::start().await;
    let secret = (header::AUTHORIZATION, "Bearer x".parse().unwrap());
    let options = Options {
        headers: vec![secret],
        ..Options::default()
    };
    let mut client = Client::new(to(&receiver, "http"), options);
    let mut signed = post("/v1/logs");
    signed
        .headers
        .push(("x-signature".parse().unwrap(), "s".parse().unwrap()));
    assert_eq!(client.post(&signed).await, delivered());
    assert_eq!(client.post(&post("")).await, delivered());

    let got = receiver.got().await;
    assert_eq!((&*got.target, got.connection), ("/base/v1/logs?key=1", 1));
    assert_eq!(got.body, "{}");
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("content-type", "application/json"),
        ("x-signature", "s"),
        ("host", &receiver.address().to_string()),
    ] {
        assert_eq!(got.headers[name], value);
    }
    let got = receiver.got().await;
    assert_eq!((&*got.target, got.connection), ("/base?key=1", 1));
    assert!(!got.headers.contains_key("x-signature"));
}

#[tokio::test]
async fn a_connection_that_was_ended_is_opened_again_at_once() {
    let mut receiver = Receiver::start().await;
    let mut client = Client::new(to(&receiver, "http"), Options::default());
    assert_eq!(client.post(&post("")).await, delivered());
    receiver.will([Answer::HangUp]);
    assert_eq!(client.post(&post("")).await, delivered());
    let connections = [1, 1, 2];
    for connection in connections {
        assert_eq!(receiver.got().await.connection, connection);
    }
    receiver.will([Answer::HangUp, Answer::HangUp]);
    let why = why(client.post(&post("")).await);
    assert!(why.contains("broke off"), "{why}");
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_silent_is_tried_later() {
    let receiver = Receiver::start().await;
    receiver.will([Answer::Silence]);
    let options = Options {
        timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let endpoint = to(&receiver, "http");
    let mut client = Client::new(endpoint.clone(), options);
    let silent = why(client.post(&post("")).await);
    assert_eq!(silent, format!("no answer from {endpoint} within 0.05 s"));
    receiver.end().await;
    let mut client = Client::new(endpoint, Options::default());
    let gone = why(client.post(&post("")).await);
    assert!(gone.contains("Connection refused"), "{gone}");
}

#[tokio::test]
async fn a_receiver_that_does_not_speak_tls_is_given_up_in_time() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", mute.local_addr().unwrap());
    let options = Options {
        connect_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let mut client = Client::new(endpoint.parse().unwrap(), options);
    let why = why(client.post(&post("")).await);
    assert!(
        why.starts_with("cannot connect to https://127.0.0.1"),
        "{why}"
    );
}

#[tokio::test]
async fn answers_are_bounded_and_redirects_are_not_followed() {
    let mut receiver = Receiver::start().await;
    let long = Bytes::from(vec![b'x'; 1 << 20]);
    let moved = vec![("location", "http://192.0.2.1/")];
    receiver.will([
        Answer::Say(200, Vec::new(), long),
        Answer::Say(307, moved, Bytes::new()),
    ]);
    let mut client = Client::new(to(&receiver, "http"), Options::default());
    assert_eq!(client.post(&post("")).await, delivered());
    let why = why(client.post(&post("")).await);
    assert!(why.contains("307 Temporary Redirect to http://192.0.2.1/"));
    receiver.got().await;
    // What was left of the long answer is not read: that connection is not used again.
    assert_eq!(receiver.got().await.connection, 2);
}

#[tokio::test]
async fn a_unix_socket_is_an_endpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("receiver.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let endpoint = format!("unix:{}", path.display());
    let mut client = Client::new(endpoint.parse().unwrap(), Options::default());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = hyper::service::service_fn(async |request: Request<hyper::body::Incoming>| {
            assert_eq!(request.uri(), "/v1/logs");
            Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::new())))
        });
        let stream = hyper_util::rt::TokioIo::new(stream);
        let serving = hyper::server::conn::http1::Builder::new();
        serving.serve_connection(stream, answer).await
    };
    let logs = post("/v1/logs");
    tokio::select! {
        outcome = client.post(&logs) => assert_eq!(outcome, delivered()),
        ended = serve => panic!("{ended:?}"),
    }
}

/// Files of a client, and who signs them.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new(authority: &str) -> Self {
        let files = Self {
            folder: TempDir::new().unwrap(),
            authority: Authority::new(authority),
        };
        files.authority.write(&files.path("ca"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn issue(&self, name: &str) -> Vec<u8> {
        let (certificate, key) = (self.path("cert"), self.path("key"));
        self.authority.issue(name, &certificate, &key)
    }

    fn client(&self, receiver: &Receiver, identity: bool) -> Client {
        let tls = TlsFiles {
            ca: Some(self.path("ca")),
            identity: identity.then(|| Identity {
                certificate: self.path("cert"),
                key: self.path("key"),
            }),
        };
        let options = Options {
            tls,
            ..Options::default()
        };
        Client::new(to(receiver, "https"), options)
    }
}

#[tokio::test]
async fn a_receiver_is_believed_by_the_authority_that_is_named() {
    let files = Files::new("first");
    let mut receiver = Receiver::encrypted(files.authority.server(None)).await;
    let mut client = files.client(&receiver, false);
    assert_eq!(client.post(&post("")).await, delivered());
    assert_eq!(client.post(&post("")).await, delivered());
    assert_eq!(receiver.got().await.connection, 1);
    assert_eq!(receiver.got().await.connection, 1);

    let other = Files::new("second");
    let mut client = other.client(&receiver, false);
    let why = why(client.post(&post("")).await);
    assert!(
        why.contains("invalid peer certificate: UnknownIssuer"),
        "{why}"
    );
    assert!(receiver.try_got().is_none());
}

#[tokio::test]
async fn the_authority_is_read_again_when_its_file_has_changed() {
    let (files, other) = (Files::new("first"), Files::new("second"));
    let receiver = Receiver::encrypted(files.authority.server(None)).await;
    let mut client = other.client(&receiver, false);
    assert!(matches!(
        client.post(&post("")).await,
        Outcome::Later { .. }
    ));
    files.authority.write(&other.path("ca"));
    assert_eq!(client.post(&post("")).await, delivered());
}

#[tokio::test]
async fn a_receiver_that_demands_a_certificate_is_shown_the_one_that_is_there_now() {
    let files = Files::new("first");
    let server = files.authority.server(Some(&files.authority));
    let mut receiver = Receiver::encrypted(server).await;
    let mut client = files.client(&receiver, false);
    let without = why(client.post(&post("")).await);
    assert!(without.contains("CertificateRequired"), "{without}");

    let mut client = files.client(&receiver, true);
    let nothing = why(client.post(&post("")).await);
    assert!(nothing.contains("cannot read"), "{nothing}");
    let first = files.issue("first");
    assert_eq!(client.post(&post("")).await, delivered());
    assert_eq!(client.post(&post("")).await, delivered());
    let second = files.issue("second");
    assert_eq!(client.post(&post("")).await, delivered());
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(receiver.got().await);
    }
    let shown = got.iter().map(|got| got.certificate.as_ref());
    assert!(shown.eq([Some(&first), Some(&first), Some(&second)]));
    assert_eq!(got[0].connection, got[1].connection);
    assert_ne!(got[1].connection, got[2].connection);
}

#[tokio::test]
async fn while_files_do_not_fit_together_the_old_ones_stay_in_use() {
    let files = Files::new("first");
    let server = files.authority.server(Some(&files.authority));
    let mut receiver = Receiver::encrypted(server).await;
    let mut client = files.client(&receiver, true);
    let first = files.issue("first");
    assert_eq!(client.post(&post("")).await, delivered());
    // Half of a rotation: the certificate is new, the key is not.
    let new = files.path("elsewhere");
    let second = files.authority.issue("second", &files.path("cert"), &new);
    assert_eq!(client.post(&post("")).await, delivered());
    fs::write(files.path("ca"), "damaged").unwrap();
    assert_eq!(client.post(&post("")).await, delivered());
    files.authority.write(&files.path("ca"));
    fs::rename(&new, files.path("key")).unwrap();
    assert_eq!(client.post(&post("")).await, delivered());
    for expected in [&first, &first, &first, &second] {
        assert_eq!(receiver.got().await.certificate.as_ref(), Some(expected));
    }
}
