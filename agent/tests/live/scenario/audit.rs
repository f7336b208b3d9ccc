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

/// One without anything, one with its namespace's keep-alive, one with its own, one with a user timeout.
pub(crate) fn what_settings_amount_to() -> Result<()> {
    let (near, far) = (Netns::new()?, Netns::new()?);
    near.join(&far, "10.99.0.1", "10.99.0.2")?;
    let server: SocketAddr = "10.99.0.2:7000".parse()?;
    let listener = far.inside(|| Ok(TcpListener::bind(server)?))?;
    let (bare, usual, own, timeout, looped) = near.inside(|| {
        fs::write("/proc/sys/net/ipv4/tcp_keepalive_time", "600")?;
        let connect = || TcpStream::connect_timeout(&server, setting().patience());
        let local = TcpListener::bind("127.0.0.1:0")?;
        let looped = TcpStream::connect(local.local_addr()?)?;
        Ok((
            connect()?,
            connect()?,
            connect()?,
            connect()?,
            (local, looped),
        ))
    })?;
    let accepted: Vec<TcpStream> = (0..4)
        .map(|_| Ok(listener.accept()?.0))
        .collect::<Result<_>>()?;
    sockopt::set_socket_keepalive(&usual, true)?;
    sockopt::set_socket_keepalive(&own, true)?;
    sockopt::set_tcp_keepidle(&own, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(&own, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(&own, 3)?;
    sockopt::set_tcp_user_timeout(&timeout, 30_000)?;

    let netns = near.inode()?;
    let (code, never) = audit(&["--idle", "0s"])?;
    ensure!(code == Some(10), "{code:?}");
    for stream in [&bare, &timeout] {
        let guard = guard(&never, netns, stream)?;
        ensure!(
            guard["keep_alive"] == false && guard["idle_notice_ns"].is_null(),
            "{guard}"
        );
    }
    for stream in [&usual, &own, &looped.1] {
        ensure!(
            line_of(&never, netns, stream)?.is_none(),
            "this one would notice"
        );
    }

    let (_, all) = audit(&["--idle", "0s", "--all", "--loopback"])?;
    ensure!(
        line_of(&all, netns, &looped.1)?.is_some(),
        "loopback was asked for"
    );
    let usual = guard(&all, netns, &usual)?;
    let intervals = [
        &usual["keep_alive_interval_ns"],
        &usual["keep_alive_probes"],
    ];
    let [Some(interval), Some(probes)] = intervals.map(Value::as_u64) else {
        anyhow::bail!("{usual}");
    };
    ensure!(
        usual["keep_alive_time_ns"] == 600_000_000_000_u64,
        "{usual}"
    );
    let notice = usual["idle_notice_ns"].as_u64();
    ensure!(
        notice == Some(600_000_000_000 + interval * probes),
        "{usual}"
    );
    let own = guard(&all, netns, &own)?;
    // A jiffy is not exactly what its name says.
    let seconds = |field: &str| own[field].as_f64().map(|ns| (ns / 1e9).round());
    ensure!(seconds("keep_alive_time_ns") == Some(60.0), "{own}");
    ensure!(seconds("idle_notice_ns") == Some(90.0), "{own}");
    let timeout = guard(&all, netns, &timeout)?;
    ensure!(
        timeout["user_timeout_ns"] == 30_000_000_000_u64,
        "{timeout}"
    );
    ensure!(
        timeout["sending_notice_ns"] == 30_000_000_000_u64,
        "{timeout}"
    );

    let (_, idle) = audit(&["--idle", "24h"])?;
    ensure!(
        line_of(&idle, netns, &bare)?.is_none(),
        "it is not idle for a day"
    );
    let text = output_of(
        Command::new(&setting().finback).args(["audit", "--idle", "0s", "--format", "text"]),
    )?;
    let text = String::from_utf8(text.stdout)?;
    ensure!(
        text.contains("off: never, unless it writes; then after about 15 min"),
        "{text}"
    );
    ensure!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    drop(accepted);
    Ok(())
}
