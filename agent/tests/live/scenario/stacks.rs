//! Where a connection was opened, and where its process is: with function, file and line, or honestly without.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::leaker::{self, CONNECT_LINE};
use crate::program::{Did, Program};
use crate::setting::setting;
use crate::trial::skip;
use crate::watch::{Ends, Watch};

/// Connect, accept and the current stack of a program with symbols, in every flavour.
pub(crate) fn opened_and_forgotten() -> Result<()> {
    let daemon = Daemon::start(&["--stacks"])?;
    let watch = Watch::new(&daemon);
    let (client, stacks) = leak_of_client(&watch, |port| {
        Program::launch("leaker", leaker::connecting(port)?)
    })?;
    let opening = of_kind(&stacks, "connect", client.pid())?;
    let call = frame(opening, "opens_and_forgets")?;
    if setting().guest.is_none() {
        // Guests get test binaries without debug information.
        let file = call["file"].as_str().unwrap_or_default();
        ensure!(file.ends_with("tests/live/leaker.rs"), "{call}");
        ensure!(call["line"] == CONNECT_LINE, "{call}");
    }
    is_waiting(&stacks, client.pid())?;
    client.end()?;

    let server = Program::launch("leaker", leaker::accepting()?)?;
    let port = server.did("listening")?.port;
    let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    std::io::Write::write_all(&mut peer, b"x")?;
    server.did("opened")?;
    let ends = Ends::new(port, peer.local_addr()?.port());
    drop(peer);
    let stacks = stacks_of(&watch, ends)?;
    if watch.sees_accept() {
        frame(
            of_kind(&stacks, "accept", server.pid())?,
            "takes_and_forgets",
        )?;
    }
    is_waiting(&stacks, server.pid())?;
    server.end()?;
    daemon.stop().map(drop)
}

/// A C program with debug information has file and line; stripped, its frames have places but no names.
pub(crate) fn c_with_and_without_symbols() -> Result<()> {
    if setting().guest.is_some() {
        return skip("no C compiler in a guest");
    }
    let dir = tempfile::tempdir()?;
    let named = compile(&dir, "named", "-g")?;
    let stripped = compile(&dir, "stripped", "-s")?;
    let daemon = Daemon::start(&["--stacks"])?;
    let watch = Watch::new(&daemon);

    let (program, stacks) = leak_of_client(&watch, |port| start(&named, port))?;
    let opening = of_kind(&stacks, "connect", program.pid())?;
    ensure!(opening["truncated"].is_null(), "{opening:#}");
    let call = frame(opening, "open_and_forget")?;
    ensure!(call["line"] == 14, "{call}");
    ensure!(
        call["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("leaks.c")),
        "{call}"
    );
    let main = frame(opening, "main")?;
    ensure!(main["line"] == 32, "{main}");
    let now = of_kind(&stacks, "current", program.pid())?;
    ensure!(now["syscall"] == "epoll_wait", "{now:#}");
    frame(now, "wait_for_orders")?;
    program.end()?;

    let (program, stacks) = leak_of_client(&watch, |port| start(&stripped, port))?;
    let opening = of_kind(&stacks, "connect", program.pid())?;
    let own: Vec<_> = frames(opening)
        .filter(|frame| frame["module"].as_str() == stripped.to_str())
        .collect();
    ensure!(own.len() >= 2, "open_and_forget and main: {opening:#}");
    for frame in own {
        ensure!(frame["reason"] == "no_symbols", "{frame}");
        ensure!(
            frame["offset"].is_string() && frame["line"].is_null(),
            "{frame}"
        );
    }
    program.end()?;
    daemon.stop().map(drop)
}

/// A goroutine's stack, with file and line: the runtime's threads follow.
pub(crate) fn go() -> Result<()> {
    if setting().guest.is_some() {
        return skip("no Go compiler in a guest");
    }
    let dir = tempfile::tempdir()?;
    let binary = build_go(&dir)?;
    let daemon = Daemon::start(&["--stacks"])?;
    let watch = Watch::new(&daemon);
    let (program, stacks) = leak_of_client(&watch, |port| start(&binary, port))?;
    let opening = of_kind(&stacks, "connect", program.pid())?;
    for (function, line) in [("main.openAndForget", 13), ("main.main", 23)] {
        let call = frame(opening, function)?;
        let file = call["file"].as_str().unwrap_or_default();
        ensure!(file.ends_with("leaks.go") && call["line"] == line, "{call}");
    }
    program.end()?;
    daemon.stop().map(drop)
}

/// An interpreter's stack is its own: the functions of C that run the program.
pub(crate) fn python() -> Result<()> {
    let daemon = Daemon::start(&["--stacks"])?;
    let watch = Watch::new(&daemon);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let args = ["never_reads", "127.0.0.1", &port.to_string()];
    let program = Program::start("client.py", args)?;
    drop(listener.accept()?);
    let local = program.did("connected")?.port;
    let stacks = stacks_of(&watch, Ends::new(local, port))?;
    let opening = of_kind(&stacks, "connect", program.pid())?;
    // Exported by every build: found without debug information.
    frame(opening, "_PyEval_EvalFrameDefault")?;
    of_kind(&stacks, "current", program.pid())?;
    daemon.stop().map(drop)
}

/// A program whose library is cut while it runs: its finding comes, and the daemon stays.
pub(crate) fn of_a_file_that_is_cut() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let daemon = Daemon::start(&["--stacks"])?;
    let watch = Watch::new(&daemon);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let library = dir.path().join("libc.so.6");
    std::fs::copy(mapped("/libc.so.6")?, &library)?;
    let plain = leaker::connecting(port)?;
    let mut command = Command::new(mapped("/ld-linux")?);
    command
        .arg("--library-path")
        .arg(dir.path())
        .arg(plain.get_program())
        .args(plain.get_args())
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let mut client = Program::launch("leaker", command)?;
    drop(listener.accept()?);
    let Did { port: local, .. } = client.did("opened")?;
    until_it_polls(client.pid())?;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&library)?
        .set_len(4096)?;
    let stacks = stacks_of(&watch, Ends::new(local, port))?;
    of_kind(&stacks, "current", client.pid())?;
    // It cannot end by itself: its library is gone.
    client.kill()?;
    daemon.stop().map(drop)
}

/// From then on a program needs nothing of its library before it is woken.
fn until_it_polls(pid: u32) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall"))?;
        let number = call
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok());
        if number.is_some_and(|number: libc::c_long| POLLS.contains(&number)) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{pid} does not poll: {call}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// System calls of `poll`; some architectures have only one.
const POLLS: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
];

/// A file that this program has mapped.
fn mapped(name: &str) -> Result<std::path::PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let path = maps.lines().find_map(|line| {
        let path = line.split_whitespace().nth(5)?;
        path.contains(name).then(|| path.into())
    });
    path.with_context(|| format!("{name} is not mapped"))
}

/// Without the flag nothing is taken.
pub(crate) fn not_asked_for() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let mut watch = Watch::new(&daemon);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let client = Program::launch("leaker", leaker::connecting(port)?)?;
    drop(listener.accept()?);
    let local = client.did("opened")?.port;
    let (_, finding) = watch.opened(Ends::new(local, port))?;
    ensure!(finding.stacks.is_empty(), "{:?}", finding.stacks);
    client.end()?;
    daemon.stop().map(drop)
}

fn compile(dir: &TempDir, name: &str, flag: &str) -> Result<std::path::PathBuf> {
    let program = dir.path().join(name);
    let source = setting().scenarios.join("leaks.c");
    let status = Command::new("cc")
        .args([flag, "-O1", "-o"])
        .args([&program, &source])
        .status()
        .context("cannot run cc; `cargo xtask setup --tests` installs what the tests need")?;
    ensure!(status.success(), "cc ended with {status}");
    Ok(program)
}

fn build_go(dir: &TempDir) -> Result<std::path::PathBuf> {
    // Shared with the corpus: the standard library is compiled once.
    const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/corpus/go-cache");
    let program = dir.path().join("leaks-go");
    let status = Command::new("go")
        .args(["build", "-o"])
        .args([&program, &setting().scenarios.join("leaks.go")])
        .env("GOCACHE", CACHE)
        .env("GOPATH", dir.path())
        .env("GOTOOLCHAIN", "local")
        .env("GO111MODULE", "off")
        .env("CGO_ENABLED", "0")
        .status()
        .context("cannot run go; `cargo xtask setup --tests` installs what the tests need")?;
    ensure!(status.success(), "go build ended with {status}");
    Ok(program)
}

fn start(program: &Path, port: u16) -> Result<Program> {
    let mut command = Command::new(program);
    command.arg(port.to_string());
    Program::launch("leaks", command)
}

/// Lets a program connect, hangs up, and gives the stacks of the finding about it.
fn leak_of_client(
    watch: &Watch<'_>,
    start: impl FnOnce(u16) -> Result<Program>,
) -> Result<(Program, Vec<Value>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let program = start(port)?;
    drop(listener.accept()?);
    let Did { port: local, .. } = program.did("opened")?;
    let stacks = stacks_of(watch, Ends::new(local, port))?;
    Ok((program, stacks))
}

/// The stacks of the finding about a connection: they may come with an update.
fn stacks_of(watch: &Watch<'_>, ends: Ends) -> Result<Vec<Value>> {
    let event = watch.wait_for(&format!("stacks of {ends:?}"), |event| {
        let finding = event.finding.as_ref();
        ends.is_of(event) && finding.is_some_and(|finding| !finding.stacks.is_empty())
    })?;
    let stacks = event.finding.map(|finding| finding.stacks);
    let stacks = stacks.context("no finding")?;
    for frame in stacks.iter().flat_map(frames) {
        ensure!(
            frame["function"].is_null() != frame["reason"].is_null(),
            "a frame has a name or a reason: {frame}"
        );
    }
    Ok(stacks)
}

fn of_kind<'a>(stacks: &'a [Value], kind: &str, pid: u32) -> Result<&'a Value> {
    let mut stacks_of_kind = stacks
        .iter()
        .filter(|stack| stack["kind"] == kind && stack["pid"] == pid);
    stacks_of_kind
        .next()
        .with_context(|| format!("no stack of kind {kind} of process {pid}: {stacks:#?}"))
}

fn frames(stack: &Value) -> impl Iterator<Item = &Value> {
    stack["frames"].as_array().into_iter().flatten()
}

fn frame<'a>(stack: &'a Value, function: &str) -> Result<&'a Value> {
    let mut found = frames(stack).filter(|frame| {
        frame["function"]
            .as_str()
            .is_some_and(|name| name.contains(function))
    });
    found
        .next()
        .with_context(|| format!("no {function} in {stack:#}"))
}

/// The leaking program waits where it should.
fn is_waiting(stacks: &[Value], pid: u32) -> Result<()> {
    let now = of_kind(stacks, "current", pid)?;
    ensure!(
        now["syscall"] == "ppoll" || now["syscall"] == "poll",
        "{now:#}"
    );
    frame(now, "sits_and_waits").map(drop)
}
