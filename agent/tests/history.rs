//! The history of real daemons: it outlives them, and the next one goes on.
//!
//! Needs root: it loads kernel programs.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;

const CONFIG: &str = "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"300ms\"\n";

fn finback(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    command
        .args(arguments)
        .arg("--socket")
        .arg(dir.join("s"))
        .arg("--history")
        .arg(dir.join("history"))
        .stdin(Stdio::null());
    command
}

/// Ends with the test, however that ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A daemon that writes nothing to standard output.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn daemon(dir: &Path) -> Daemon {
    let config = dir.join("finback.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut command = finback(dir, &["run", "--quiet"]);
    let daemon = Daemon(command.arg("--config").arg(config).spawn().unwrap());
    while UnixStream::connect(dir.join("s")).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    daemon
}

/// `finback events` as a child, and its lines.
struct Events(Child, Lines<BufReader<ChildStdout>>);

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
impl Events {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = finback(dir, &["events", "--format", "json", "--select", "finding"]);
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self(child, lines)
    }

    fn next(&mut self, kind: &str) -> Value {
        loop {
            let line = self.1.next().unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// Everything up to its end.
    fn rest(mut self) -> Vec<Value> {
        let lines = self.1.map(Result::unwrap);
        let lines = lines.map(|line| serde_json::from_str(&line).unwrap());
        let lines = lines.collect();
        assert!(self.0.wait().unwrap().success());
        lines
    }

    fn end(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A connection that its client has ended and its server never reads.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn leak(listener: &TcpListener) -> TcpStream {
    drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    listener.accept().unwrap().0
}

/// The first page of `finback explain`.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn explained(dir: &Path, what: &str) -> Value {
    let mut command = finback(dir, &["explain", "--format", "json", what]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let first = text.lines().next().unwrap_or_default();
    serde_json::from_str(first).unwrap()
}

fn opened(line: &Value) -> bool {
    line["type"] == "finding" && line["finding"]["action"] == "opened"
}

#[test]
fn a_daemon_that_is_killed_leaves_its_history_and_the_next_one_goes_on() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root may load kernel programs");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ours = |line: &Value| line["network"]["local"]["port"] == port;

    let first = daemon(dir);
    let mut live = Events::start(dir, &[]);
    live.next("hello");
    let forgotten = leak(&listener);
    let found = live.next("finding");
    assert!(opened(&found) && ours(&found), "{found}");
    live.end();
    // The daemon answers with what it has told so far, on disk or not.
    let told = Events::start(dir, &["--since", "10m", "--no-follow"]).rest();
    assert_eq!(told.iter().filter(|line| **line == found).count(), 1);
    let last = Events::start(dir, &["--last", "1", "--no-follow"]).rest();
    assert_eq!(last, std::slice::from_ref(&found));
    drop(first);

    // Nobody answers: the files do.
    let told = Events::start(dir, &["--since", "10m"]).rest();
    assert_eq!(told.iter().filter(|line| **line == found).count(), 1);
    let told = Events::start(dir, &["--until", "2020-01-01"]).rest();
    assert_eq!(told, [Value::Null; 0]);

    let mut second = daemon(dir);
    let mut events = Events::start(dir, &["--since", "10m"]);
    assert_eq!(events.next("finding"), found);
    // The finding goes on under its id.
    let again = events.next("finding");
    assert_eq!(again["finding"]["action"], "updated", "{again}");
    assert!(ours(&again) && again["finding"]["id"] == found["finding"]["id"]);
    drop(forgotten);
    let mut resolved = events.next("finding");
    while resolved["finding"]["action"] != "resolved" {
        resolved = events.next("finding");
    }
    assert_eq!(resolved["finding"]["id"], again["finding"]["id"]);
    events.end();
    let all = Events::start(dir, &["--since", "10m", "--no-follow"]).rest();
    for once in [&found, &again, &resolved] {
        assert_eq!(all.iter().filter(|line| *line == once).count(), 1, "{once}");
    }
    let hellos = all.iter().filter(|line| line["type"] == "hello").count();
    assert_eq!(hellos, 2, "{all:?}");
    let id = format!("#{}", resolved["finding"]["id"]);
    let over = |explained: &Value| {
        let page = &explained["explanation"];
        assert_eq!(
            (&page["topic"], &page["found"]),
            (&"connection".into(), &false.into())
        );
        let summary = page["summary"].as_str().unwrap();
        assert!(summary.starts_with("Over"), "{summary}");
    };
    over(&explained(dir, &id));
    kill_process(Pid::from_child(&second.0), Signal::TERM).unwrap();
    assert!(second.0.wait().unwrap().success());
    over(&explained(dir, &id));
}
