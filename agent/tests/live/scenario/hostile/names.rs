//! Names of any bytes: of processes, of their programs, arguments and sockets; and namespaces without one.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::Daemon;
use crate::leaker;
use crate::program::{Did, Program};
use crate::setting::setting;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// No text, clears screens, ends lines, and looks like the end of a field.
const NAME: &[u8] = b"\xff\x1b[2J\n\"\\) R 1";
/// Bytes of one argument: just below what the kernel takes.
const LONG: usize = 127 << 10;
/// Of these, so many are little less than two megabytes, as many as there may be with a stack of 8 MiB.
const ARGUMENTS: usize = 15;

/// `hostile.py HOW NAME MORE…`, by whatever starts it.
pub(super) fn hostile(
    how: &str,
    name: &[u8],
    more: &[OsString],
    starter: &[&str],
) -> Result<Program> {
    let mut words = starter.iter().map(OsString::from).collect::<Vec<_>>();
    words.push(setting().python.clone().into());
    words.extend(["-B", "-S", "-E"].map(OsString::from));
    words.push(setting().scenarios.join("hostile.py").into());
    words.push(how.into());
    if !name.is_empty() {
        let digits: Vec<_> = name.iter().map(|byte| format!("{byte:02x}")).collect();
        words.push(digits.concat().into());
    }
    words.extend_from_slice(more);
    let (first, rest) = words.split_first().context("a program")?;
    let mut command = Command::new(first);
    command
        .args(rest)
        .env("FINBACK_SCENARIO_LIFE", setting().life().to_string());
    Program::launch("hostile.py", command)
}

/// What is told of the connection that it leaks.
pub(super) fn told(watch: &mut Watch<'_>, program: &Program) -> Result<(Did, Event, Finding)> {
    let leaking = program.did("leaking")?;
    let ends = Ends::new(leaking.port, leaking.peer_port);
    let (event, finding) = watch.opened(ends)?;
    let holders = finding.holders.iter().map(|holder| (holder.pid, holder.fd));
    let holders: Vec<_> = holders.collect();
    ensure!(
        holders == [(leaking.pid, leaking.fd)],
        "held by {holders:?}"
    );
    Ok((leaking, event, finding))
}

/// Closes it, and the finding is over.
pub(super) fn healed(watch: &Watch<'_>, mut program: Program, finding: &Finding) -> Result<()> {
    program.tell("close")?;
    program.did("closed")?;
    watch.resolved(finding)?;
    program.end()
}

/// A process whose name is no text has its users, its arguments and its findings all the same, and nothing that is shown of
/// it moves a cursor.
pub(crate) fn of_any_bytes() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let odd = OsStr::from_bytes(b"\xfe\x1b]0;title\x07\n").to_owned();
    let long = OsString::from("y".repeat(LONG));
    let more: Vec<_> = std::iter::once(odd)
        .chain(std::iter::repeat_n(long, ARGUMENTS))
        .collect();
    let program = hostile("leak", NAME, &more, &[])?;
    let (leaking, event, finding) = told(&mut watch, &program)?;
    let process = event.process.as_ref().context("no process")?;
    let expected = String::from_utf8_lossy(NAME);
    ensure!(process.comm == expected, "comm {:?}", process.comm);
    let user = process.user.map(|user| user.id);
    ensure!(user == Some(0), "user {user:?}");
    let pid_fd = format!("{}:{}", leaking.pid, leaking.fd);
    for words in [
        &["findings"][..],
        &["ls"],
        &["incidents"],
        &["explain", &pid_fd],
    ] {
        shows_nothing_odd(&daemon, words)?;
    }
    healed(&watch, program, &finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

/// What a command writes about it, for people and for programs.
fn shows_nothing_odd(daemon: &Daemon, words: &[&str]) -> Result<()> {
    let socket = daemon.dir().path().join("finback.sock");
    for format in ["text", "json"] {
        let mut command = Command::new(&setting().finback);
        command.args(words).args(["--format", format]);
        let output = command.arg("--socket").arg(&socket).output()?;
        let text = String::from_utf8(output.stdout).context("no UTF-8")?;
        ensure!(
            text.contains("hostile") || text.contains("[2J"),
            "{words:?}: {text}"
        );
        let odd = text.find(|c: char| c != '\n' && c.is_ascii_control());
        ensure!(
            odd.is_none(),
            "{words:?} {format}: {:?}",
            &text[odd.unwrap_or(0)..]
        );
        let longest = text.lines().map(str::len).max().unwrap_or(0);
        ensure!(longest < 1 << 16, "{words:?}: a line of {longest} bytes");
        for line in text.lines().filter(|_| format == "json") {
            serde_json::from_str::<serde_json::Value>(line)?;
        }
    }
    Ok(())
}

/// Its file's name is no text, says that it is deleted while it is there, and then it is.
pub(crate) fn of_a_program_that_is_gone() -> Result<()> {
    const FILE: &[u8] = b"a\x1b[2J\n\xff b (deleted)";
    let own = std::env::current_exe()?;
    let dir = tempfile::tempdir_in(own.parent().context("no folder")?)?;
    let path = dir.path().join(OsStr::from_bytes(FILE));
    fs::hard_link(&own, &path).or_else(|_| fs::copy(&own, &path).map(drop))?;
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let (event, finding, mut program) = leaks(&mut watch, &path)?;
    let process = event.process.as_ref().context("no process")?;
    let expected = String::from_utf8_lossy(FILE);
    let told = &process.executable.name;
    ensure!(*told == expected, "executable {told:?}");
    program.kill()?;
    watch.resolved(&finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}

fn leaks(watch: &mut Watch<'_>, path: &Path) -> Result<(Event, Finding, Program)> {
    let program = Program::launch("leaker", leaker::accepting_as(path))?;
    let port = program.did("listening")?.port;
    fs::remove_file(path)?;
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let ends = Ends::new(port, client.local_addr()?.port());
    client.write_all(b"x")?;
    drop(client);
    program.did("opened")?;
    let (event, finding) = watch.opened(ends)?;
    Ok((event, finding, program))
}

/// A network namespace that nobody has mounted anywhere: it is there as long as the process.
pub(crate) fn of_no_namespace() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let up = "ip link set lo up && exec \"$@\"";
    let program = hostile(
        "leak",
        b"nameless",
        &[],
        &["unshare", "--net", "sh", "-c", up, "sh"],
    )?;
    let (leaking, event, finding) = told(&mut watch, &program)?;
    let inode = fs::metadata(format!("/proc/{}/ns/net", leaking.pid))?.ino();
    let netns = event.socket.as_ref().context("no socket")?.netns;
    ensure!(u64::from(netns) == inode, "namespace {netns}, not {inode}");
    healed(&watch, program, &finding)?;
    watch.finish()?;
    daemon.stop().map(drop)
}
