//! A daemon, and how it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::geteuid;

use super::finback;

/// Needs root: it loads kernel programs. Without it there is nothing to test here (`run` is refused, see above).
#[test]
fn a_daemon_says_hello_and_ends_quietly_when_its_reader_leaves() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root may load kernel programs");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let mut child = finback(&[
        "run",
        "--history",
        "off",
        "--states",
        "all",
        "--socket",
        socket.to_str().unwrap(),
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut hello = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut hello).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(hello.contains(r#""type":"hello""#), "{hello} {errors}");
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors, "");
    assert!(!socket.exists());
}

/// Standard output fails once its file is as large as it may be.
#[test]
fn a_daemon_whose_output_fails_ends_with_code_1_and_its_subscribers_have_every_line() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root may load kernel programs");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (socket, file) = (dir.path().join("s"), dir.path().join("lines"));
    let mut daemon = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 64; exec \"$0\" run --history off --states all --socket \"$1\" > \"$2\"",
        ])
        .args([
            env!("CARGO_BIN_EXE_finback").as_ref(),
            socket.as_os_str(),
            file.as_os_str(),
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = |file: &std::path::Path| std::fs::read(file).unwrap_or_default().len();
    while said(&file) == 0 && daemon.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut events = finback(&["events", "--socket", socket.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(events.stdout.take().unwrap()).lines();
    let hello = lines.next().unwrap().unwrap();
    assert!(hello.contains(r#""type":"hello""#), "{hello}");
    let read = std::thread::spawn(move || lines.map(Result::unwrap).collect::<Vec<_>>());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for connections in 0.. {
        if daemon.try_wait().unwrap().is_some() {
            break;
        }
        assert!(connections < 100_000, "it does not fail");
        drop(std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        drop(listener.accept().unwrap());
    }
    let output = daemon.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("cannot write to standard output: File too large"),
        "{errors}"
    );
    let events = events.wait_with_output().unwrap();
    let errors = String::from_utf8(events.stderr).unwrap();
    assert_eq!((events.status.code(), &*errors), (Some(0), ""));
    let seq = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["seq"].as_u64().unwrap()
    };
    let told: Vec<u64> = read.join().unwrap().iter().map(|line| seq(line)).collect();
    assert!(told.windows(2).all(|two| two[1] == two[0] + 1), "{told:?}");
    let written = std::fs::read_to_string(&file).unwrap();
    let whole = written.rsplit_once('\n').unwrap().0;
    assert!(told.last().unwrap() >= &seq(whole.lines().last().unwrap()));
}
