//! Clients of the daemon's interfaces that send slowly, half, too much or nothing, and never read: a thousand at once.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::daemon::Daemon;
use crate::setting::setting;

/// Clients, over TCP.
const CROWD: usize = 1000;
/// Of those, so many ask and do not read: more than there are places.
const SILENT: usize = 200;
/// What the daemon may need more than before, KiB.
const ROOM: u64 = 64 << 10;
/// Longer than the daemon waits for a head, and for a reader.
const LONG: Duration = Duration::from_secs(14);

/// While they are there the daemon answers on its own socket; when those have left that were half or slow, over TCP too,
/// though not one has left of those that do not read.
pub(crate) fn a_thousand_at_once() -> Result<()> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let address = format!("127.0.0.1:{port}");
    let daemon = Daemon::start(&["--metrics-listen", &address])?;
    let socket = daemon.dir().path().join("finback.sock");
    ensure!(
        asked_over_tcp(port)? == Some(200),
        "it does not answer to begin with"
    );
    let before = memory(&daemon, "VmRSS:")?;
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        crowd.extend(client(port, number));
    }
    ensure!(crowd.len() > CROWD / 2, "{} could connect", crowd.len());
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < LONG {
        let asked = Instant::now();
        let status = asked_over_unix(&socket)?;
        ensure!(status == Some(200), "{status:?} on its own socket");
        slowest = slowest.max(asked.elapsed());
        thread::sleep(Duration::from_millis(200));
        // Those that are slow send a byte now and then.
        for stream in &mut crowd {
            drop(stream.write(b"a"));
        }
    }
    let count = crowd.len();
    crowd.truncate(SILENT);
    let patience = Instant::now() + LONG + setting().patience();
    while !matches!(asked_over_tcp(port), Ok(Some(200))) {
        ensure!(Instant::now() < patience, "nobody else is served over TCP");
        thread::sleep(Duration::from_millis(200));
    }
    let most = memory(&daemon, "VmHWM:")?;
    println!(
        "{count} clients: {before} KiB before, {most} KiB at most, slowest answer {slowest:?}"
    );
    ensure!(
        most < before + ROOM,
        "{before} KiB before, {most} KiB at most"
    );
    drop(crowd);
    half_on_its_own_socket(&socket)?;
    daemon.stop().map(drop)
}

/// One that means no good, in one of several ways.
fn client(port: u16, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_nonblocking(true).ok()?;
    let silent = "GET /metrics HTTP/1.1\r\nhost: f\r\n\r\n".repeat(2000);
    let huge = format!(
        "POST /metrics HTTP/1.1\r\nhost: f\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n{}",
        "x".repeat(200_000)
    );
    let long = format!("GET /{} HTTP/1.1\r\n", "y".repeat(200_000));
    let others: [&[u8]; 6] = [
        b"",
        b"GET /metrics HT",
        b"GET /metrics HTTP/1.1\r\nhost: f\r\na: ",
        huge.as_bytes(),
        long.as_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let bytes = if number < SILENT {
        silent.as_bytes()
    } else {
        others[number % others.len()]
    };
    // As much as there is room for: none of them waits.
    drop(stream.write(bytes));
    Some(stream)
}

/// A place on the daemon's own socket is had again when those that took them all have had their time.
fn half_on_its_own_socket(socket: &Path) -> Result<()> {
    let mut crowd = Vec::new();
    for _ in 0..200 {
        let stream = UnixStream::connect(socket);
        let Ok(mut stream) = stream else { break };
        drop(stream.write(b"GET /v1/status HT"));
        crowd.push(stream);
    }
    let patience = Instant::now() + LONG + setting().patience();
    while !matches!(asked_over_unix(socket), Ok(Some(200))) {
        ensure!(Instant::now() < patience, "nobody else is served");
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

const ASKED: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: f\r\nconnection: close\r\n\r\n";
const SOON: Duration = Duration::from_secs(2);

fn asked_over_tcp(port: u16) -> Result<Option<u16>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(ASKED)?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(status(&text))
}

fn asked_over_unix(path: &Path) -> Result<Option<u16>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(ASKED)?;
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => bail!("no answer within {SOON:?}"),
        read => read?,
    };
    Ok(status(&text))
}

fn status(answer: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(answer).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

fn memory(daemon: &Daemon, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let words = line.context("no such field")?.split_whitespace().next();
    Ok(words.context("no number")?.parse()?)
}
