//! Requests that are none: afterwards all is as before.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;
use proptest::{collection, sample};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Handle as Runtime};
use tokio::time::{sleep, timeout};

use super::*;

/// Together with the cases a thousand.
const AT_ONCE: usize = 20;

/// Somebody who means no good, or has a fault.
#[derive(Clone, Debug)]
struct Client {
    bytes: Vec<u8>,
    /// Sent alone, the rest a second later.
    first: sample::Index,
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    Leave,
    /// Say that no more comes, and read.
    HalfClose,
    Read,
    /// Neither read nor leave, for a minute.
    Stay,
}

impl Client {
    async fn live(self, path: &Path) {
        let mut stream = UnixStream::connect(path).await.unwrap();
        let (first, rest) = self.bytes.split_at(self.first.index(self.bytes.len() + 1));
        for piece in [first, rest] {
            // A server that has hung up is right to.
            drop(timeout(Duration::from_secs(1), stream.write_all(piece)).await);
            sleep(Duration::from_secs(1)).await;
        }
        let mut answer = Vec::new();
        let minute = Duration::from_mins(1);
        match self.then {
            Then::Leave => {}
            Then::Stay => sleep(minute).await,
            Then::HalfClose => {
                drop(stream.shutdown().await);
                drop(timeout(minute, stream.read_to_end(&mut answer)).await);
            }
            Then::Read => drop(timeout(minute, stream.read_to_end(&mut answer)).await),
        }
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."));
    }
}

fn client() -> impl Strategy<Value = Client> {
    let then = sample::select(vec![Then::Leave, Then::HalfClose, Then::Read, Then::Stay]);
    (bytes(), any::<sample::Index>(), then).prop_map(|(bytes, first, then)| Client {
        bytes,
        first,
        then,
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        collection::vec(any::<u8>(), 0..400),
        // Half a request, or a whole one.
        (target(), any::<sample::Index>()).prop_map(|(target, end)| {
            let mut whole = format!("GET {target} HTTP/1.1\r\nhost: f\r\n\r\n").into_bytes();
            whole.truncate(end.index(whole.len() + 1));
            whole
        }),
        // Huge headers, and many.
        (0_usize..100_000, 0_usize..400).prop_map(|(size, count)| {
            let many = "a: b\r\n".repeat(count);
            let huge = "x".repeat(size);
            format!("GET / HTTP/1.1\r\n{many}huge: {huge}\r\n\r\n").into()
        }),
        // Methods and versions that there are not.
        ("[ -~]{0,12}", target(), "(HTTP/[0-9.]{0,4})?")
            .prop_map(|(method, target, version)| format!("{method} {target} {version}\r\n\r\n").into()),
        // Bodies that lie about themselves.
        (
            target(),
            "(content-length: -?[0-9]{0,20}\r\n|transfer-encoding: [a-z, ]{0,10}\r\n|expect: 100-continue\r\n){0,3}",
            collection::vec(any::<u8>(), 0..100),
        )
            .prop_map(|(target, headers, body)| {
                let mut bytes = format!("POST {target} HTTP/1.1\r\n{headers}\r\n").into_bytes();
                bytes.extend(body);
                bytes
            }),
        Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
    ]
}

/// Paths, known and not, with queries of odd escapes, some very long.
fn target() -> impl Strategy<Value = String> {
    let path = sample::select(vec![
        "/v1/events",
        "/v1/status",
        "/healthz",
        "/%2e%2e/",
        "*",
        "//",
    ]);
    let query = prop_oneof![
        Just(String::new()),
        r"\?(select=)?(%[0-9a-zA-Z]{0,2}|[&=;+%]|finding|,){0,20}",
        (0_usize..20_000).prop_map(|size| format!("?select={}", "%41".repeat(size / 3))),
    ];
    (path, query).prop_map(|(path, query)| format!("{path}{query}"))
}

/// Sockets of the server's: those that it accepts bear its name, too.
fn sockets(path: &Path) -> usize {
    let path = path.to_str().unwrap();
    let table = fs::read_to_string("/proc/net/unix").unwrap();
    table.lines().filter(|line| line.ends_with(path)).count()
}

fn tasks() -> usize {
    Runtime::current().metrics().num_alive_tasks()
}

/// Waits until nothing is left of what has been, which takes at most as long as the server's patience.
async fn settle(path: &Path, before: (usize, usize)) {
    let settled = async {
        while (sockets(path), tasks()) != before {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let settled = timeout(Duration::from_mins(1), settled).await;
    assert!(settled.is_ok(), "left: {:?}", (sockets(path), tasks()));
}

async fn suffer(clients: Vec<Client>) {
    let feed = Feed::new(samples::hello());
    let served = Served::streaming(&feed);
    tokio::task::yield_now().await;
    let before = (sockets(&served.path), tasks());
    let all = clients.into_iter().map(|client| client.live(&served.path));
    futures_util::future::join_all(all).await;
    assert_eq!(body(&served.path, "/healthz").await, (200, "ok\n".into()));
    settle(&served.path, before).await;
    assert_eq!(feed.handle().subscribers(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// The clock leaps whenever all wait: a slow client's minute takes no time.
    #[test]
    fn a_thousand_malformed_requests_change_nothing(clients in collection::vec(client(), AT_ONCE)) {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(suffer(clients));
    }
}
