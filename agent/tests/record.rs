//! What a real daemon records is told again by somebody who may do nothing.
//!
//! Needs root: it loads kernel programs.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

const CONFIG: &str = "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"300ms\"\n";
const NOBODY: u32 = 65534;

fn finback(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Ends with the test, however that ends.
struct Recorder(Child);

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[expect(clippy::unwrap_used, reason = "part of the test below")]
fn recorder(dir: &Path) -> Recorder {
    std::fs::write(dir.join("finback.toml"), CONFIG).unwrap();
    let mut command = finback(&["record"]);
    command.arg(dir.join("tape"));
    command.arg("--socket").arg(dir.join("s"));
    command.arg("--config").arg(dir.join("finback.toml"));
    let recorder = Recorder(command.spawn().unwrap());
    while UnixStream::connect(dir.join("s")).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    recorder
}

#[expect(clippy::unwrap_used, reason = "part of the test below")]
fn is_of_ours(line: &str, port: u16) -> bool {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["type"] == "finding" && line["network"]["local"]["port"] == port
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn what_a_daemon_has_told_is_told_again_by_nobody() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root may load kernel programs");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut recorder = recorder(dir);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut events = finback(&["events", "--format", "json", "--select", "finding"]);
    events
        .arg("--socket")
        .arg(dir.join("s"))
        .stdout(Stdio::piped());
    let mut events = events.spawn().unwrap();
    let mut lines = BufReader::new(events.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("hello"));
    drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let leaked = listener.accept().unwrap().0;
    let mut told = Vec::new();
    let mut until = |action: &str| {
        let action = format!("\"action\":\"{action}\"");
        for line in lines.by_ref() {
            let line = line.unwrap();
            if is_of_ours(&line, port) {
                told.push(line);
                if told.last().unwrap().contains(&action) {
                    break;
                }
            }
        }
    };
    until("opened");
    drop(leaked);
    until("resolved");
    assert!(told.len() >= 2, "{told:?}");
    kill_process(Pid::from_child(&recorder.0), Signal::TERM).unwrap();
    assert!(recorder.0.wait().unwrap().success());
    events.wait().unwrap();

    let tape = std::fs::read(dir.join("tape")).unwrap();
    let mode = std::fs::metadata(dir.join("tape")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let public = tempfile::tempdir().unwrap();
    std::fs::set_permissions(public.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = public.path().join("tape");
    std::fs::write(&copy, &tape).unwrap();
    // Where it is built others may not look.
    let program = public.path().join("finback");
    std::fs::copy(env!("CARGO_BIN_EXE_finback"), &program).unwrap();
    let mut replay = Command::new(&program);
    replay.args(["replay", "--format", "json", "--select", "finding"]);
    replay.arg(&copy).uid(NOBODY).gid(NOBODY);
    let output = replay.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let again: Vec<_> = text.lines().filter(|line| is_of_ours(line, port)).collect();
    assert_eq!(again, told);

    let mut findings = Command::new(&program);
    findings.args(["findings", "--format", "json", "--input"]);
    let output = findings
        .arg(&copy)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let last = String::from_utf8(output.stdout).unwrap();
    let last: Vec<_> = last.lines().filter(|line| is_of_ours(line, port)).collect();
    assert_eq!(last, [told.last().unwrap()]);

    std::fs::write(&copy, &tape[..tape.len() - 1]).unwrap();
    let output = replay.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("from byte"), "{error}");
    assert_eq!(output.stdout, text.as_bytes());
}
