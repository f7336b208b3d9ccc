//! `finback exec` as a build uses it: real test suites with a planted leak, exit codes, and what lives on. As root only:
//! others are told so by the first test.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, one that cannot begin says why"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;

const SUITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exec/suites");

/// Much shorter than the suites take after their leak.
const AFTER: [&str; 2] = ["--after", "200ms"];

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        println!("only root can watch connections");
    }
    is_root
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("{program} is not installed");
    }
    found
}

fn exec(options: &[&str], command: &[&str]) -> Command {
    let mut exec = Command::new(env!("CARGO_BIN_EXE_finback"));
    exec.arg("exec")
        .args(options)
        .arg("--")
        .args(command)
        .env_remove("FINBACK_LOG")
        .stdin(Stdio::null());
    exec
}

/// Exit code, standard output and standard error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Runs a suite with and without its leak: the lines of the first run, as a report in a file of its own.
fn leaks_of(suite: &[&str], prepare: impl Fn(&mut Command)) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let junit = dir.path().join("junit.xml");
    let mut options = AFTER.to_vec();
    options.extend(["--format", "json", "--output", report.to_str().unwrap()]);
    options.extend(["--junit", junit.to_str().unwrap()]);
    let mut clean = exec(&options, suite);
    prepare(&mut clean);
    let (code, stdout, stderr) = run(&mut clean);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert_eq!(fs::read_to_string(&report).unwrap(), "", "nothing to say");
    assert_eq!(failures(&junit), (1, 0));
    let mut leaky = exec(&options, suite);
    prepare(leaky.env("LEAK", "1"));
    let (code, stdout, stderr) = run(&mut leaky);
    assert_eq!(code, Some(10), "{stdout}{stderr}");
    assert_eq!(failures(&junit), (1, 1));
    let lines = fs::read_to_string(&report).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Tests and failures in a JUnit file, by a parser that is not ours.
fn failures(junit: &Path) -> (u32, u32) {
    const PARSE: &str = "import sys, xml.etree.ElementTree as tree\n\
        suite = tree.parse(sys.argv[1]).getroot().find('testsuite')\n\
        print(len(suite.findall('testcase')), len(suite.findall('testcase/failure')))\n\
        assert suite.get('tests') == str(len(suite.findall('testcase')))\n";
    let output = Command::new("python3")
        .args(["-c", PARSE])
        .arg(junit)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let (tests, failures) = text.trim().split_once(' ').unwrap();
    (tests.parse().unwrap(), failures.parse().unwrap())
}

/// One connection, closed by the end of a process with this name.
fn assert_closed_by_exit(lines: &[Value], program: &str) {
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (finding, process) = (&lines[0]["finding"], &lines[0]["process"]);
    assert_eq!(lines[0]["type"], "finding");
    assert_eq!(finding["resolution"], "process_exited");
    assert_eq!(lines[0]["socket"]["role"], "server");
    let name = process["executable"]["name"].as_str().unwrap();
    assert!(name.starts_with(program), "{process}");
}

#[test]
fn a_suite_in_python_fails_by_its_leak_only() {
    if !is_root() {
        return;
    }
    let suite = ["python3", "-B", "-m", "unittest", "-q", "test_shop"];
    let lines = leaks_of(&suite, |command| {
        command.current_dir(SUITES);
    });
    assert_closed_by_exit(&lines, "python");
}

#[test]
fn a_suite_in_go_fails_by_its_leak_only() {
    if !is_root() || !has("go") {
        return;
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(dir.path().join("go.mod"), "module shop\n\ngo 1.19\n").unwrap();
    let source = Path::new(SUITES).join("shop_test.go");
    fs::copy(source, dir.path().join("shop_test.go")).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    let lines = leaks_of(&["go", "test", "-count=1", "./..."], |command| {
        command
            .current_dir(dir.path())
            .env("GOCACHE", &cache)
            .env("GO111MODULE", "on")
            .env("GOFLAGS", "-mod=mod");
    });
    assert_closed_by_exit(&lines, "shop.test");
}

#[test]
fn a_suite_in_node_fails_by_its_leak_only() {
    if !is_root() || !has("node") {
        return;
    }
    let suite = ["node", "--test", "--test-force-exit", "shop.test.mjs"];
    let lines = leaks_of(&suite, |command| {
        command.current_dir(SUITES);
    });
    assert_closed_by_exit(&lines, "node");
}

#[test]
fn a_command_that_leaves_nothing_keeps_its_output_and_its_exit_code() {
    if !is_root() {
        return;
    }
    for (script, code) in [
        ("echo told", 0),
        ("echo told; exit 3", 3),
        ("echo told; kill -TERM $$", 143),
    ] {
        let told = run(&mut exec(&[], &["sh", "-c", script]));
        assert_eq!(told, (Some(code), "told\n".to_owned(), String::new()));
    }
    let (code, _, error) = run(&mut exec(&[], &["/nonexistent/program"]));
    assert_eq!(code, Some(127));
    assert!(
        error.starts_with("finback: cannot run `/nonexistent/program`: "),
        "{error}"
    );
}

#[test]
fn a_signal_is_handed_on() {
    if !is_root() {
        return;
    }
    let script = "trap 'echo ended; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child = exec(&[], &["sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    kill(child.id(), Signal::TERM);
    assert_eq!(lines.next().unwrap().unwrap(), "ended");
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Hangs up after the first byte, or waits for the other end if that is what is asked for.
fn server(hangs_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut byte = [0; 1];
        connection.read_exact(&mut byte).unwrap();
        connection.write_all(&byte).unwrap();
        if !hangs_up {
            drop(connection.read(&mut byte));
        }
    });
    port.to_string()
}

/// A client in Python that has asked and been answered; then `rest`.
fn client(rest: &str) -> String {
    format!(
        "import os, socket, subprocess, sys, time\n\
         c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
         c.sendall(b'x')\nc.recv(1)\n{rest}\n"
    )
}

#[test]
fn what_a_stranger_inherits_is_left() {
    if !is_root() {
        return;
    }
    let rest = "c.set_inheritable(True)\n\
        n = subprocess.DEVNULL\n\
        subprocess.Popen(['sleep', '300'], close_fds=False, stdin=n, stdout=n, stderr=n)\n\
        os._exit(0)";
    let options = ["--grace", "500ms", "--format", "json"];
    let mut command = exec(&options, &["python3", "-c", &client(rest), &server(false)]);
    let (code, _, report) = run(&mut command);
    let line: Value = serde_json::from_str(&report).unwrap();
    let holder = &line["listed"]["holders"][0];
    kill(
        u32::try_from(holder["pid"].as_u64().unwrap()).unwrap(),
        Signal::KILL,
    );
    assert_eq!(code, Some(10));
    assert_eq!(line["type"], "socket");
    assert_eq!(line["listed"]["verdict"], "inherited");
    assert_eq!(holder["executable"]["name"], "sleep");
}

#[test]
fn what_a_daemon_does_not_notice_is_left() {
    if !is_root() {
        return;
    }
    let rest = "if os.fork() == 0:\n    os.setsid()\n    os.closerange(0, 3)\n    time.sleep(300)\nos._exit(0)";
    let mut options = AFTER.to_vec();
    options.extend(["--format", "json"]);
    let mut command = exec(&options, &["python3", "-c", &client(rest), &server(true)]);
    command.stdout(Stdio::null());
    let (code, _, report) = run(&mut command);
    let line: Value = serde_json::from_str(&report).unwrap();
    let holder = &line["finding"]["holders"][0];
    kill(
        u32::try_from(holder["pid"].as_u64().unwrap()).unwrap(),
        Signal::KILL,
    );
    assert_eq!(code, Some(10));
    assert_eq!(line["finding"].get("resolution"), None);
}

#[test]
fn a_client_that_ends_with_a_connection_open_fails_only_if_strict() {
    if !is_root() {
        return;
    }
    let program = client("os._exit(0)");
    let (code, _, error) = run(&mut exec(&[], &["python3", "-c", &program, &server(false)]));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let options = ["--strict", "--format", "json"];
    let (code, _, report) = run(&mut exec(
        &options,
        &["python3", "-c", &program, &server(false)],
    ));
    let line: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(code, Some(10));
    assert_eq!(line["transition"]["cause"], "process_exit");
    let options = ["--strict", "--allow", "1"];
    let (code, _, error) = run(&mut exec(
        &options,
        &["python3", "-c", &program, &server(false)],
    ));
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("1 connection was left unclosed"), "{error}");
    assert!(error.contains("(1 allowed)"), "{error}");
}

#[test]
fn others_leaks_are_not_told() {
    if !is_root() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let _leaked = listener.accept().unwrap();
    let mut options = AFTER.to_vec();
    options.push("--strict");
    let told = run(&mut exec(&options, &["sleep", "1"]));
    assert_eq!(told, (Some(0), String::new(), String::new()));
}

#[test]
fn without_rights_the_command_is_not_run_unless_that_was_asked_for() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let binary = dir.path().join("finback");
    fs::copy(env!("CARGO_BIN_EXE_finback"), &binary).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let unprivileged = |options: &[&str]| {
        let mut command = Command::new(&binary);
        command
            .arg("exec")
            .args(options)
            .args(["--", "sh", "-c", "echo told; exit 7"]);
        run(command.uid(65534).gid(65534))
    };
    let (code, stdout, error) = unprivileged(&[]);
    assert_eq!((code, stdout.as_str()), (Some(3), ""), "{error}");
    assert!(error.starts_with("finback: missing CAP_BPF"), "{error}");
    assert!(error.contains("the command was not run"), "{error}");
    let (code, stdout, error) = unprivileged(&["--if-available"]);
    assert_eq!((code, stdout.as_str()), (Some(7), "told\n"), "{error}");
    assert!(
        error.starts_with("finback: the command was not watched: missing CAP_BPF"),
        "{error}"
    );
}
