//! The table, in 80 columns.

use std::fmt::{self, Write};

use super::group::{Groups, Key, Peer, Size};
use super::span::Span;

/// Columns before the peer.
const BEFORE_PEER: usize = 6 + 1 + 11 + 1 + 24 + 1;
const WIDTH: usize = 80;

/// Writes what was found: at most so many groups, with `all` also those that would notice.
pub fn write(groups: &Groups, all: bool, most: usize, out: &mut impl Write) -> fmt::Result {
    headline(groups, out)?;
    let sorted = groups.worst_first(all);
    if !sorted.is_empty() {
        writeln!(
            out,
            "\n{:>6} {:<11} {:<24} PEER",
            "COUNT", "IDLE", "PROCESS"
        )?;
    }
    for (key, size) in sorted.iter().take(most) {
        group(key, *size, out)?;
    }
    if let Some(more) = sorted.len().checked_sub(most).filter(|more| *more > 0) {
        writeln!(out, "   and {more} groups more (--limit)")?;
    }
    remarks(groups, all, out)
}

fn headline(groups: &Groups, out: &mut impl Write) -> fmt::Result {
    let never = groups.never();
    let meant = never + groups.noticed();
    let idle = groups.scope.idle;
    let idle = if idle.is_zero() {
        String::new()
    } else {
        format!(" idle for {} or longer", Span(idle))
    };
    match (never, meant) {
        (_, 0) => writeln!(out, "There is no connection{idle} to judge."),
        (0, meant) => writeln!(
            out,
            "All connections{idle} ({meant}) would notice\nthat their peer is gone."
        ),
        (never, meant) => writeln!(
            out,
            "{never} of {meant} connections{idle} would never notice that\n\
             their peer is gone: they send nothing, and keep-alive is off."
        ),
    }
}

fn group(key: &Key, size: Size, out: &mut impl Write) -> fmt::Result {
    let idle = size
        .longest
        .map_or_else(|| "-".into(), |idle| Span(idle).to_string());
    let peer = match key.peer {
        Peer::Server(address) => address.to_string(),
        Peer::Client(address, port) => format!("{address} on port {port}"),
    };
    let process = key.process();
    let start = format!("{:>6} {idle:<11} {process:<24}", size.connections);
    if start.chars().count().max(BEFORE_PEER - 1) + 1 + peer.len() <= WIDTH {
        writeln!(out, "{start} {peer}")?;
    } else {
        writeln!(out, "{}\n       {peer}", start.trim_end())?;
    }
    if key.settings.len() + 7 > WIDTH {
        writeln!(out, "  {}", key.settings)
    } else {
        writeln!(out, "       {}", key.settings)
    }
}

fn remarks(groups: &Groups, all: bool, out: &mut impl Write) -> fmt::Result {
    if groups.never() > 0 {
        writeln!(
            out,
            "\nSet SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, or let the\n\
             protocol ask for a sign of life. TCP_USER_TIMEOUT alone helps only what is sent."
        )?;
    }
    let left_out = [
        (
            groups.noticed(),
            !all,
            "would notice in time (--all shows how soon)",
        ),
        (
            groups.busy,
            true,
            "in use a moment ago or now (--idle 0s takes fewer for that)",
        ),
        (
            groups.loopback,
            true,
            "on loopback, where the kernel has both ends (--loopback)",
        ),
        (
            groups.unknown,
            true,
            "of which this kernel does not tell it",
        ),
    ];
    let left_out = left_out
        .iter()
        .filter(|(count, wanted, _)| *wanted && *count > 0);
    for (index, (count, _, what)) in left_out.enumerate() {
        let start = if index == 0 {
            "\nNot shown: "
        } else {
            "           "
        };
        writeln!(out, "{start}{count} {what}")?;
    }
    Ok(())
}
