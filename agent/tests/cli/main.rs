//! The binary as a user meets it: refusals with their exit code and both lines, and a quiet end.

mod daemon;
mod explain;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::geteuid;

fn finback(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    command
        .args(arguments)
        .env_remove("FINBACK_LOG")
        .stdin(Stdio::null());
    command
}

/// Exit code and standard error.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert_eq!(String::from_utf8(stdout).unwrap(), "");
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// By a process of its own: a descriptor for writing that another test's child inherits keeps the file from being run.
#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn copy_to(path: &std::path::Path) {
    let mut cp = Command::new("cp");
    let status = cp.arg(env!("CARGO_BIN_EXE_finback")).arg(path).status();
    assert!(status.unwrap().success());
}

#[test]
fn version_is_told() {
    let output = finback(&["--version"]).output().unwrap();
    let expected = format!("finback {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn help_teaches_by_examples() {
    for command in [
        "run",
        "check",
        "ls",
        "findings",
        "incidents",
        "top",
        "doctor",
        "events",
        "audit",
        "kill",
        "explain",
        "bundle",
        "exec",
        "record",
        "status",
        "unpin",
    ] {
        let output = finback(&[command, "--help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Examples:\n  finback "), "{text}");
    }
}

#[test]
fn wrong_usage_is_code_2_and_says_what_is_accepted() {
    for (arguments, word) in [
        (&["run", "--ring-bytes", "100000"][..], "the next is 131072"),
        (
            &["run", "--ring-bytes", "2048"],
            "multiple of the page size",
        ),
        (
            &["run", "--states", "close_wiat"],
            "did you mean `close_wait`?",
        ),
        (
            &["run", "--attach", "uprobe"],
            "auto, kprobe, fentry, tracepoint",
        ),
        (&["run", "--duration", "10"], "10s"),
        (&["run", "--max-sockets", "7"], "use a number from 1024"),
        (
            &["run", "--quiet", "--format", "json"],
            "cannot be used with",
        ),
        (&["kill"], "required"),
        (&["kill", "--yes"], "required"),
        (&["kill", "state close-wiat"], "did you mean `close_wait`?"),
        (&["kill", "all", "--rate", "0"], "100/s"),
        (&["audit", "--idle", "5"], "10s"),
        (&["walk"], "unrecognized subcommand"),
        (&["generate"], "finback generate"),
    ] {
        let (code, error) = refusal(&mut finback(arguments));
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
}

#[test]
fn a_wrong_file_is_code_2_with_its_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"# mine\nthreshold = 1\n").unwrap();
    let path = file.path().to_str().unwrap();
    for command in ["run", "doctor"] {
        let (code, error) = refusal(&mut finback(&[command, "--config", path]));
        assert_eq!(code, Some(2));
        let start = format!(
            "finback: {path}:2: unknown key `threshold`\n  help: did you mean `thresholds`? known are "
        );
        assert!(error.starts_with(&start), "{error}");
        assert_eq!(error.lines().count(), 2, "{error}");
        for key in ["attach", "override", "thresholds"] {
            assert!(error.contains(key), "{error}");
        }
    }
    let (code, error) = refusal(&mut finback(&["run", "--config", "/nonexistent/f.toml"]));
    assert_eq!(code, Some(2));
    assert!(
        error.starts_with("finback: cannot read /nonexistent/f.toml: No such file"),
        "{error}"
    );
}

#[test]
fn an_ordinary_user_is_code_3_and_told_what_is_missing() {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let binary = dir.path().join("finback");
    copy_to(&binary);
    let mut command = Command::new(&binary);
    command.args(["run", "--socket"]).arg(dir.path().join("s"));
    if geteuid().is_root() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        command.uid(65534).gid(65534);
    }
    let (code, error) = refusal(&mut command);
    assert_eq!(code, Some(3), "{error}");
    assert!(
        error.starts_with("finback: missing CAP_BPF and CAP_PERFMON, needed to "),
        "{error}"
    );
    assert!(
        error.contains("\n  help: run as root, or grant it once: setcap "),
        "{error}"
    );
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn who_may_not_destroy_sockets_is_told_so_before_anything_is_done() {
    if !geteuid().is_root() {
        println!("only root can become another user");
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let binary = dir.path().join("finback");
    copy_to(&binary);
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&binary);
    command.args(["kill", "--yes", "all"]).uid(65534).gid(65534);
    let (code, error) = refusal(&mut command);
    assert_eq!(code, Some(3), "{error}");
    assert_eq!(
        error,
        "finback: missing CAP_NET_ADMIN, needed to destroy sockets\n  help: run as root\n"
    );
}

/// There every process would be called by another one's number.
#[test]
fn in_a_pid_namespace_of_its_own_it_is_code_3_and_told_how_to_be_started() {
    if !geteuid().is_root() {
        println!("only root can make a namespace");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command
        .args([
            "--pid",
            "--fork",
            env!("CARGO_BIN_EXE_finback"),
            "run",
            "--socket",
        ])
        .arg(dir.path().join("s"));
    let (code, error) = refusal(&mut command);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("--pid=host"), "{error}");
}

#[test]
fn without_a_daemon_events_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let (code, error) = refusal(&mut finback(&[
        "events",
        "--socket",
        socket.to_str().unwrap(),
    ]));
    assert_eq!(code, Some(1));
    assert!(
        error.starts_with("finback: cannot connect to the daemon: No such file"),
        "{error}"
    );
    assert!(
        error.contains("\n  help: start it with `finback run`"),
        "{error}"
    );
}

/// Without a word from the daemon there is nothing to write, and no write that could fail.
#[test]
fn events_end_when_their_reader_leaves_though_nothing_happens() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut child = finback(&["events", "--socket", socket.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut daemon, _) = listener.accept().unwrap();
    let mut request = BufReader::new(daemon.try_clone().unwrap()).lines();
    while request.next().unwrap().unwrap() != "" {}
    daemon
        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nline\n\r\n")
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "line\n");
    drop(reader);
    let deadline = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it goes on and on");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut errors = String::new();
    let mut said = child.stderr.take().unwrap();
    std::io::Read::read_to_string(&mut said, &mut errors).unwrap();
    assert_eq!((status.code(), &*errors), (Some(0), ""));
}

#[test]
fn the_schema_is_printed_and_a_reader_that_leaves_is_no_error() {
    let output = finback(&["generate", "schema"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let checked_in = include_str!("../../../docs/event.schema.json");
    assert!(text == checked_in, "docs/event.schema.json is out of date");

    let mut child = finback(&["generate", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}
