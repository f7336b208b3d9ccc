//! `finback audit`: what the settings of real sockets amount to, in their own network namespaces.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt;
use serde_json::Value;

use crate::netns::Netns;
use crate::scenario::command::output_of;
use crate::setting::setting;

/// Exit code, lines of JSON.
fn audit(arguments: &[&str]) -> Result<(Option<i32>, Vec<Value>)> {
    let mut command = Command::new(&setting().finback);
    command.args(["audit", "--format", "json"]).args(arguments);
    let output = output_of(&mut command)?;
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    let lines = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((output.status.code(), lines))
}

/// The line of this end.
fn line_of<'a>(lines: &'a [Value], netns: u32, stream: &TcpStream) -> Result<Option<&'a Value>> {
    let local = stream.local_addr()?.port();
    let mut lines = lines.iter();
    Ok(lines
        .find(|line| line["socket"]["netns"] == netns && line["network"]["local"]["port"] == local))
}

fn guard(lines: &[Value], netns: u32, stream: &TcpStream) -> Result<Value> {
    let line = line_of(lines, netns, stream)?.context("not in the list")?;
    Ok(line["listed"]["guard"].clone())
}

/// Connections between two namespaces, and one over loopback.
struct Scene {
    near: Netns,
    /// Without anything.
    bare: TcpStream,
    /// With its namespace's keep-alive.
    usual: TcpStream,
    /// With its own.
    own: TcpStream,
    /// With a user timeout alone.
    timeout: TcpStream,
    /// Over loopback, without anything.
    looped: TcpStream,
    _others: (Netns, TcpListener, TcpListener, Vec<TcpStream>),
}

impl Scene {
    fn new() -> Result<Self> {
        let (near, far) = (Netns::new()?, Netns::new()?);
        near.join(&far, "10.99.0.1", "10.99.0.2")?;
        let server: SocketAddr = "10.99.0.2:7000".parse()?;
        let listener = far.inside(|| Ok(TcpListener::bind(server)?))?;
        let connect = || {
            let stream = TcpStream::connect_timeout(&server, setting().patience());
            stream.context("between the namespaces")
        };
        let (streams, local, looped) = near.inside(|| {
            fs::write("/proc/sys/net/ipv4/tcp_keepalive_time", "600")?;
            let local = TcpListener::bind("127.0.0.1:0")?;
            let looped = TcpStream::connect(local.local_addr()?)?;
            Ok((
                [connect()?, connect()?, connect()?, connect()?],
                local,
                looped,
            ))
        })?;
        let accepted: Vec<TcpStream> = (0..4)
            .map(|_| Ok(listener.accept()?.0))
            .collect::<Result<_>>()?;
        let [bare, usual, own, timeout] = streams;
        sockopt::set_socket_keepalive(&usual, true)?;
        sockopt::set_socket_keepalive(&own, true)?;
        sockopt::set_tcp_keepidle(&own, Duration::from_mins(1))?;
        sockopt::set_tcp_keepintvl(&own, Duration::from_secs(10))?;
        sockopt::set_tcp_keepcnt(&own, 3)?;
        sockopt::set_tcp_user_timeout(&timeout, 30_000)?;
        Ok(Self {
            near,
            bare,
            usual,
            own,
            timeout,
            looped,
            _others: (far, listener, local, accepted),
        })
    }
}

/// Without keep-alive nothing is noticed while nothing is sent, user timeout or not.
pub(crate) fn without_keep_alive() -> Result<()> {
    let scene = Scene::new()?;
    let netns = scene.near.inode()?;
    let (code, never) = audit(&["--idle", "0s"])?;
    ensure!(code == Some(10), "{code:?}");
    for stream in [&scene.bare, &scene.timeout] {
        let guard = guard(&never, netns, stream)?;
        let silent = guard["keep_alive"] == false && guard["idle_notice_ns"].is_null();
        ensure!(silent, "{guard}");
    }
    for stream in [&scene.usual, &scene.own, &scene.looped] {
        let line = line_of(&never, netns, stream)?;
        ensure!(line.is_none(), "this one would notice: {line:?}");
    }
    let (_, idle) = audit(&["--idle", "24h"])?;
    let line = line_of(&idle, netns, &scene.bare)?;
    ensure!(line.is_none(), "it is not idle for a day: {line:?}");
    Ok(())
}

/// What the socket leaves open is its namespace's.
pub(crate) fn what_settings_amount_to() -> Result<()> {
    let scene = Scene::new()?;
    let netns = scene.near.inode()?;
    let (_, all) = audit(&["--idle", "0s", "--all", "--loopback"])?;
    let looped = line_of(&all, netns, &scene.looped)?;
    ensure!(looped.is_some(), "loopback was asked for");

    let usual = guard(&all, netns, &scene.usual)?;
    let number = |field: &str| usual[field].as_u64().context(usual.to_string());
    let (interval, probes) = (
        number("keep_alive_interval_ns")?,
        number("keep_alive_probes")?,
    );
    ensure!(number("keep_alive_time_ns")? == 600_000_000_000, "{usual}");
    let notice = number("idle_notice_ns")?;
    ensure!(notice == 600_000_000_000 + interval * probes, "{usual}");

    let own = guard(&all, netns, &scene.own)?;
    // A jiffy is not exactly what its name says.
    let seconds = |field: &str| {
        own[field]
            .as_u64()
            .map(|ns| (ns + 500_000_000) / 1_000_000_000)
    };
    ensure!(seconds("keep_alive_time_ns") == Some(60), "{own}");
    ensure!(seconds("idle_notice_ns") == Some(90), "{own}");

    let timeout = guard(&all, netns, &scene.timeout)?;
    for field in ["user_timeout_ns", "sending_notice_ns"] {
        ensure!(timeout[field] == 30_000_000_000_u64, "{timeout}");
    }
    Ok(())
}

/// The table says the same in sentences, in 80 columns.
pub(crate) fn as_text() -> Result<()> {
    let _scene = Scene::new()?;
    let mut command = Command::new(&setting().finback);
    command.args(["audit", "--idle", "0s", "--all", "--format", "text"]);
    let text = String::from_utf8(output_of(&mut command)?.stdout)?;
    for sentence in [
        "off: never, unless it writes; then after about 15 min (tcp_retries2)",
        "off: never, unless it writes; then after 30 s (TCP_USER_TIMEOUT)",
        "then 3 probes 10 s apart: notices after",
    ] {
        ensure!(text.contains(sentence), "{text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max();
    ensure!(widest <= Some(80), "{text}");
    Ok(())
}
