//! `finback kill`: exactly the sockets that were listed, in whatever namespace, and their programs feel what was said.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::netns::Netns;
use crate::program::Program;
use crate::scenario::command::output_of;
use crate::setting::setting;
use crate::traffic::connect_from;
use crate::trial::skip;
use crate::watch::{Ends, Watch};

const CLOSE_WAIT: u32 = 8;
const ESTABLISHED: u32 = 1;
const CLOSE: u32 = 7;

/// Exit code, lines of JSON, and standard error.
fn kill(arguments: &[&str], filter: &str) -> Result<(Option<i32>, Vec<Value>, String)> {
    let mut command = Command::new(&setting().finback);
    command.args(["kill", "--format", "json"]).args(arguments);
    let output = output_of(command.args(filter.split(' ')))?;
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    let lines = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let errors = String::from_utf8(output.stderr)?;
    if errors.contains("CONFIG_INET_DIAG_DESTROY") {
        return skip("this kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY is off)");
    }
    Ok((output.status.code(), lines, errors))
}

/// What the dry run lists: cookies of sockets in this state.
fn listed(filter: &str) -> Result<BTreeSet<u64>> {
    let (code, lines, errors) = kill(&[], filter)?;
    ensure!(code == Some(0), "{code:?}: {errors}");
    ensure!(
        lines.iter().all(|line| line["type"] == "socket"),
        "{lines:?}"
    );
    cookies(&lines)
}

/// What was destroyed.
fn destroyed(filter: &str) -> Result<BTreeSet<u64>> {
    let (code, lines, errors) = kill(&["--yes"], filter)?;
    ensure!(code == Some(0), "{code:?}: {errors}");
    for line in &lines {
        ensure!(line["type"] == "destroyed", "{line}");
        let told = &line["destroyed"];
        ensure!(
            told["result"] == "destroyed" && told["filter"] == filter,
            "{line}"
        );
        ensure!(
            told["by_pid"].is_u64() && told["by_user"].is_u64(),
            "{line}"
        );
    }
    cookies(&lines)
}

fn cookies(lines: &[Value]) -> Result<BTreeSet<u64>> {
    let cookies = lines.iter().map(|line| line["socket"]["cookie"].as_u64());
    cookies
        .collect::<Option<_>>()
        .context("a line without a cookie")
}

fn states(program: &mut Program, expected: &[u32]) -> Result<()> {
    program.tell("states")?;
    let states = program.did("states")?.fds;
    ensure!(states == expected, "states {states:?}");
    Ok(())
}

fn accept(server: &mut Program, port: u16) -> Result<TcpStream> {
    let client = TcpStream::connect(("127.0.0.1", port))?;
    server.tell("accept")?;
    server.did("accepted")?;
    Ok(client)
}

fn feel(program: &mut Program, which: &str) -> Result<String> {
    program.tell(&format!("feel {which}"))?;
    Ok(program.did("felt")?.felt)
}

/// Two leaked connections and one at work.
pub(crate) fn exactly_what_was_listed() -> Result<()> {
    let mut server = Program::start("destroyed.py", ["127.0.0.1"])?;
    let port = server.did("listening")?.port;
    for _ in 0..2 {
        drop(accept(&mut server, port)?);
    }
    let mut client = accept(&mut server, port)?;
    let of_server = format!("pid = {}", server.pid());
    let leaked = format!("state close-wait and {of_server}");

    let all = listed(&of_server)?;
    let chosen = listed(&leaked)?;
    ensure!(
        all.len() == 3 && chosen.len() == 2 && chosen.is_subset(&all),
        "{all:?} {chosen:?}"
    );
    states(&mut server, &[CLOSE_WAIT, CLOSE_WAIT, ESTABLISHED])?;
    ensure!(listed(&of_server)? == all, "a dry run changes nothing");

    ensure!(destroyed(&leaked)? == chosen, "others than those listed");
    states(&mut server, &[CLOSE, CLOSE, ESTABLISHED])?;
    let felt = feel(&mut server, "0")?;
    let expected = "wakes IN|OUT|RDHUP|ERR|HUP, read 0, write ECONNABORTED, write EPIPE, read 0";
    ensure!(felt == expected, "after a FIN: {felt}");

    server.tell("block 2")?;
    server.did("blocks")?;
    let open: Vec<u64> = all.difference(&chosen).copied().collect();
    let [open] = open[..] else {
        anyhow::bail!("{open:?}");
    };
    ensure!(
        destroyed(&format!("cookie = {open}"))?.contains(&open),
        "the third"
    );
    let woken = server.did("woken")?.felt;
    ensure!(woken == "read ECONNABORTED", "a thread that waits: {woken}");
    let felt = feel(&mut server, "2")?;
    let expected = "wakes IN|OUT|RDHUP|ERR|HUP, read 0, write EPIPE, write EPIPE, read 0";
    // A poll just before another thread takes the error still sees it.
    let expected_without = expected.replace("|ERR", "");
    ensure!(
        felt == expected || felt == expected_without,
        "after the error: {felt}"
    );
    let error = client
        .read(&mut [0])
        .err()
        .context("no error at the peer")?;
    ensure!(
        error.kind() == ErrorKind::ConnectionReset,
        "the peer: {error}"
    );
    server.end()
}

/// The same addresses in two namespaces: a server in C in the one that is named, a bystander in the other.
pub(crate) fn in_a_namespace() -> Result<()> {
    if setting().guest.is_some() {
        return skip("no C compiler in a guest");
    }
    let dir = tempfile::tempdir()?;
    let binary = dir.path().join("destroyed");
    let source = setting().scenarios.join("destroyed.c");
    let mut cc = Command::new("cc");
    let status = cc.args(["-O1", "-o"]).args([&binary, &source]).status();
    ensure!(status.context("cannot run cc")?.success(), "cc failed");

    let (meant, other) = (Netns::new()?, Netns::new()?);
    let server = meant.inside(|| {
        let mut command = Command::new(&binary);
        command.args(["127.0.0.1", "7000"]);
        Program::launch("destroyed.c", command)
    })?;
    let mut bystander = other.inside(|| Program::start("destroyed.py", ["127.0.0.1", "7000"]))?;
    server.did("listening")?;
    bystander.did("listening")?;
    let (local, peer): (SocketAddr, SocketAddr) =
        ("127.0.0.1:7001".parse()?, "127.0.0.1:7000".parse()?);
    let client = meant.inside(|| connect_from(local, peer))?;
    let spared = other.inside(|| connect_from(local, peer))?;
    server.did("accepted")?;
    bystander.tell("accept")?;
    bystander.did("accepted")?;

    let filter = format!("netns = {} and sport = :7000", meant.inode()?);
    let chosen = listed(&filter)?;
    ensure!(chosen.len() == 1, "{chosen:?}");
    ensure!(destroyed(&filter)? == chosen, "others than those listed");
    let felt = server.did("felt")?.felt;
    let expected = "wakes RDHUP|ERR|HUP, write ECONNABORTED, write EPIPE, read 0";
    ensure!(felt == expected, "{felt}");
    states(&mut bystander, &[ESTABLISHED])?;
    drop((client, spared));
    server.end()?;
    bystander.end()
}

/// The daemon tells the same change, with its cause.
pub(crate) fn in_the_stream() -> Result<()> {
    let daemon = Daemon::start(&[])?;
    let watch = Watch::new(&daemon);
    let mut server = Program::start("destroyed.py", ["127.0.0.1"])?;
    let port = server.did("listening")?.port;
    let client = accept(&mut server, port)?;
    let ends = Ends::new(port, client.local_addr()?.port());
    let done = destroyed(&format!("sport = :{port}"))?;
    ensure!(done.len() == 1, "{done:?}");
    let closed = watch.transition(ends, "closed")?;
    let cause = closed.transition.as_ref().map(|change| change.cause);
    ensure!(cause == Some("destroyed"), "closed because of {cause:?}");
    server.end()?;
    daemon.stop().map(drop)
}

/// Each refusal with its reason; a listener only if it is asked for.
pub(crate) fn what_cannot_be_destroyed() -> Result<()> {
    let mut server = Program::start("destroyed.py", ["127.0.0.1"])?;
    let port = server.did("listening")?.port;
    drop(accept(&mut server, port)?);
    let of_server = format!("pid = {}", server.pid());
    ensure!(destroyed(&of_server)?.len() == 1, "the listener, too");
    let (code, lines, errors) = kill(&["--yes"], &of_server)?;
    ensure!(code == Some(0) && lines.is_empty(), "{lines:?}");
    for reason in ["1 listening: ", "1 closed but held: "] {
        ensure!(
            errors.contains(&format!("not destroyed: {reason}")),
            "{errors}"
        );
    }
    let again = TcpStream::connect(("127.0.0.1", port));
    ensure!(again.is_ok(), "the listener lives");
    drop(again);
    let (code, lines, errors) = kill(&["--yes", "--listeners"], &of_server)?;
    ensure!(code == Some(0) && !lines.is_empty(), "{errors}");
    let again = TcpStream::connect(("127.0.0.1", port));
    let refused = again.err().map(|error| error.kind());
    ensure!(refused == Some(ErrorKind::ConnectionRefused), "{refused:?}");

    let nobody = output_of(Command::new(&setting().finback).args([
        "kill",
        "--format",
        "text",
        "pid",
        "=",
        "4294967295",
    ]))?;
    let text = String::from_utf8(nobody.stdout)?;
    ensure!(text == "No socket matches `pid = 4294967295`.\n", "{text}");
    ensure!(nobody.status.success(), "{}", nobody.status);
    server.end()
}
