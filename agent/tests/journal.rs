//! A leak of a service in a real journal, beside what the service has logged itself.
//!
//! Needs root, systemd-journald and control groups of version 2: journald runs in a mount namespace with a /run and a
//! /var/log of its own, and the daemon with it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, one that cannot begin says why"
)]

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::geteuid;
use serde_json::Value;

const JOURNALD: &str = "/lib/systemd/systemd-journald";

/// A service that never closes what its clients have.
const LEAK: &str = "
import socket, sys
server = socket.create_server(('127.0.0.1', 0))
open(sys.argv[1], 'w').write(str(server.getsockname()[1]) + '\\n')
kept = []
while True:
    connection, _ = server.accept()
    while connection.recv(4096):
        pass
    kept.append(connection)
";

const CONFIG: &str = "docs = \"https://docs.example\"\n[journal]\nseverity = \"info\"\n\
                      [thresholds]\nnot_closed = \"300ms\"\n";

/// A process that ends with its test.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A control group that is a unit's to whoever reads its name.
struct Unit {
    name: String,
    path: PathBuf,
}

impl Unit {
    fn new(hierarchy: &Path) -> Self {
        let name = format!("finback-test-{}.service", std::process::id());
        let path = hierarchy.join(&name);
        fs::create_dir(&path).unwrap();
        Self { name, path }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // A process that was just killed may still be on its way out.
        for _ in 0..100 {
            if fs::remove_dir(&self.path).is_ok() {
                return;
            }
            sleep(Duration::from_millis(20));
        }
    }
}

/// Where control groups of version 2 are.
fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let mut mounts = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = mounts.find(|words| words.get(2) == Some(&"cgroup2"))?;
    mount.get(1).map(PathBuf::from)
}

/// All that is needed; else says what is missing.
fn needed() -> Option<PathBuf> {
    let hierarchy = hierarchy();
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let missing = if !geteuid().is_root() {
        "root"
    } else if !Path::new(JOURNALD).exists() || !has("journalctl") {
        "systemd-journald"
    } else if !has("python3") || !has("unshare") || !has("nsenter") {
        "python3, unshare or nsenter"
    } else if hierarchy.is_none() {
        "a mount of control groups of version 2"
    } else {
        return hierarchy;
    };
    println!("skipped: {missing} is missing");
    None
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("{what}");
}

fn journald() -> Held {
    let script = format!(
        "mount --make-rprivate / && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && \
         mkdir -p /run/systemd/journal && exec {JOURNALD}"
    );
    let child = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let its_own = Path::new("/proc").join(child.id().to_string()).join("root");
    let socket = its_own.join("run/systemd/journal/socket");
    let held = Held(child);
    wait("journald listens", || socket.exists());
    held
}

/// A command where journald lives.
fn beside(journald: &Held, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--mount", "--target", &journald.0.id().to_string(), program])
        .stdin(Stdio::null());
    command
}

/// What finback has told the journal of this unit.
fn entries(journald: &Held, unit: &Unit) -> Vec<Value> {
    let said = beside(journald, "journalctl")
        .args(["--no-pager", "--output", "json", "--unit", &unit.name])
        .output()
        .unwrap()
        .stdout;
    let lines = String::from_utf8(said).unwrap();
    let entries = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    entries
        .filter(|entry: &Value| entry["SYSLOG_IDENTIFIER"] == "finback")
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_leak_is_in_the_journal_of_the_service_that_has_it() {
    let Some(hierarchy) = needed() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::new(&hierarchy);
    let journald = journald();
    let config = dir.path().join("finback.toml");
    fs::write(&config, CONFIG).unwrap();
    let daemon = beside(&journald, env!("CARGO_BIN_EXE_finback"))
        .args(["run", "--quiet", "--history", "off", "--socket"])
        .arg(dir.path().join("s"))
        .arg("--config")
        .arg(&config)
        .spawn()
        .unwrap();
    let _daemon = Held(daemon);
    wait("finback listens", || dir.path().join("s").exists());

    let port = dir.path().join("port");
    let procs = unit.path.join("cgroup.procs");
    let service = Command::new("sh")
        .args([
            "-c",
            "echo $$ > \"$1\" && exec python3 -c \"$2\" \"$3\"",
            "sh",
        ])
        .arg(procs)
        .arg(LEAK)
        .arg(&port)
        .spawn()
        .unwrap();
    let service = Held(service);
    let written = || fs::read_to_string(&port).is_ok_and(|text| text.ends_with('\n'));
    wait("the service listens", written);
    let number: u16 = fs::read_to_string(&port).unwrap().trim().parse().unwrap();
    for _ in 0..3 {
        drop(TcpStream::connect(("127.0.0.1", number)).unwrap());
    }

    wait("an entry of the unit", || {
        !entries(&journald, &unit).is_empty()
    });
    let entries = entries(&journald, &unit);
    let entry = entries.first().unwrap();
    println!("{entry:#}");
    let pid = service.0.id().to_string();
    for (field, value) in [
        ("OBJECT_PID", &*pid),
        ("OBJECT_SYSTEMD_UNIT", &unit.name),
        ("MESSAGE_ID", "91d09cb61cbf476f91d110459425bfb0"),
        ("PRIORITY", "6"),
        (
            "DOCUMENTATION",
            "https://docs.example/verdicts/not_closed.md",
        ),
        ("FINBACK_ACTION", "opened"),
        ("FINBACK_SEVERITY", "info"),
        ("FINBACK_VERDICT", "not_closed"),
        ("FINBACK_ROLE", "server"),
        ("FINBACK_UNIT", &unit.name),
        ("FINBACK_PID", &pid),
    ] {
        assert_eq!(entry[field], value, "{field} of {entry:#}");
    }
    let message = entry["MESSAGE"].as_str().unwrap();
    assert!(message.starts_with("python"), "{message}");
}
