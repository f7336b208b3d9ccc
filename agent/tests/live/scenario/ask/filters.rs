//! Sockets chosen by a filter.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use anyhow::{Result, ensure};

use super::super::command::output_of;
use super::{Leak, ask};
use crate::setting::setting;

/// Every word that a filter has for a socket, tried on sockets that are really there.
pub(crate) fn filters_select_real_sockets() -> Result<()> {
    let mut leak = Leak::new()?;
    let (unread, reset) = (leak.unread()?, leak.reset()?);
    let open = leak.client()?;
    let (port, pid) = (leak.port()?, std::process::id());
    let other = open.local_addr()?.port();
    let inode = fs::metadata(format!("/proc/self/fd/{unread}"))?.ino();
    let netns = fs::metadata("/proc/self/ns/net")?.ino();
    let comm = fs::read_to_string("/proc/self/comm")?;
    let comm = comm.trim();
    let listening = leak.listener.as_raw_fd();
    let held = |fd: i32| format!("sport = :{port} and fd = {fd}");
    for (filter, fds) in [
        (format!("state close-wait sport = :{port}"), vec![unread]),
        (format!("state listening sport = :{port}"), vec![listening]),
        (
            format!("state closed pid = {pid} fd = {reset}"),
            vec![reset],
        ),
        (
            format!("exclude listening sport = :{port} fd = {unread},{listening}"),
            vec![unread],
        ),
        (format!("inode = {inode}"), vec![unread]),
        (
            format!("dport = :{port} and sport = :{other}"),
            vec![open.as_raw_fd()],
        ),
        (
            format!("src 127.0.0.0/8 and {}", held(unread)),
            vec![unread],
        ),
        (format!("src = [::1] and {}", held(unread)), vec![]),
        (
            format!("comm = {comm} and netns = {netns} and {}", held(unread)),
            vec![unread],
        ),
        (format!("not comm = {comm} and {}", held(unread)), vec![]),
        (format!("unread >= 6 and {}", held(unread)), vec![unread]),
        (format!("unread > 1M and {}", held(unread)), vec![]),
        (format!("age < 1h and {}", held(unread)), vec![unread]),
        (format!("age > 1h and {}", held(unread)), vec![]),
        (format!("role server and {}", held(unread)), vec![unread]),
    ] {
        let mut arguments = vec!["ls", "--no-daemon", "--format", "json"];
        arguments.push(&filter);
        let (lines, _) = ask(&arguments)?;
        let mut found: Vec<i64> = lines
            .iter()
            .flat_map(|line| line["listed"]["holders"].as_array().into_iter().flatten())
            .filter_map(|holder| holder["fd"].as_i64())
            .collect();
        found.sort_unstable();
        let mut expected: Vec<i64> = fds.into_iter().map(i64::from).collect();
        expected.sort_unstable();
        ensure!(found == expected, "`{filter}`: {found:?}, not {expected:?}");
    }
    Ok(())
}

/// What is wrong with a filter is said where it is wrong, with what was meant.
pub(crate) fn a_wrong_filter_is_refused() -> Result<()> {
    let output = output_of(Command::new(&setting().finback).args(["ls", "state", "close-wiat"]))?;
    let message = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(2), "{}", output.status);
    ensure!(
        message.contains("close_wait") && message.contains('^'),
        "{message}"
    );
    Ok(())
}
