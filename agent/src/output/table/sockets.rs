//! Sockets in columns, as `ss` has them, with their age and their verdict.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::super::text::word;
use super::{Column, Table, short};
use crate::output::json::{Body, Endpoint, Event, Holder, Listed, Network, State, Subject};

/// A socket in words; a row of CSV has these fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// State as `ss` spells it.
    pub state: &'static str,
    /// Bytes that wait to be read; of a listener: connections in its queue.
    pub recv_q: Option<u32>,
    /// Bytes that are not acknowledged; of a listener: the length of its queue.
    pub send_q: Option<u32>,
    /// Our end.
    pub local: String,
    /// The other end.
    pub peer: String,
    /// Seconds in this state.
    pub age_s: Option<u64>,
    /// Only the least age is known.
    pub at_least: bool,
    /// What is wrong.
    pub verdict: String,
    /// Process that has it.
    pub pid: Option<u32>,
    /// Its descriptors.
    pub fd: String,
    /// The name of its process.
    pub comm: String,
    /// Path of the executable.
    pub exe: String,
    /// Inode number.
    pub inode: Option<u64>,
    /// Network namespace.
    pub netns: Option<u32>,
    /// More processes that have it.
    pub more: usize,
}

impl Row {
    /// `None` for a line of another type.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let Body::Socket { subject, listed } = &event.body else {
            return None;
        };
        let network = subject.network.as_ref()?;
        let mut row = Self {
            state: state(subject, listed),
            recv_q: listed.unread_bytes,
            send_q: listed.unacked_bytes,
            local: address(network.local),
            peer: address(network.peer),
            age_s: listed.age_ns.map(|ns| Duration::from_nanos(ns).as_secs()),
            at_least: listed.since_at_least,
            inode: subject.socket.and_then(|socket| socket.inode),
            netns: subject.socket.map(|socket| socket.netns),
            verdict: listed.verdict.map(word).unwrap_or_default(),
            ..Self::default()
        };
        if let Some(process) = &subject.process {
            row.pid = Some(process.pid);
            row.comm = process.comm.to_string();
            row.exe = process
                .executable
                .path
                .as_deref()
                .map(str::to_owned)
                .unwrap_or_default();
            row.fd = descriptors(&listed.holders, process.pid);
            row.more = others(&listed.holders, process.pid);
        }
        Some(row)
    }

    fn age(&self) -> String {
        let least = if self.at_least { "≥" } else { "" };
        self.age_s.map_or_else(String::new, |age| {
            format!("{least}{}", short(Duration::from_secs(age)))
        })
    }

    /// As `ss -p` names it, in less room.
    fn process(&self) -> String {
        let Some(pid) = self.pid else {
            return String::new();
        };
        let more = match self.more {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let fd = if self.fd.is_empty() {
            String::new()
        } else {
            format!(" fd {}", self.fd)
        };
        format!("{}[{pid}]{fd}{more}", self.comm)
    }
}

/// The rows in columns.
pub fn sockets(rows: impl IntoIterator<Item = Row>) -> Table<8> {
    let mut table = Table::new([
        Column::left("State"),
        Column::right("Recv-Q"),
        Column::right("Send-Q"),
        Column::right("Local Address:Port"),
        Column::left("Peer Address:Port"),
        Column::right("Age"),
        Column::left("Verdict"),
        Column::left("Process"),
    ]);
    let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
    for row in rows {
        table.push([
            row.state.to_owned(),
            number(row.recv_q),
            number(row.send_q),
            row.local.clone(),
            row.peer.clone(),
            row.age(),
            row.verdict.clone(),
            row.process(),
        ]);
    }
    table
}

/// As `ss` spells them, and what it does not show.
fn state(subject: &Subject<'_>, listed: &Listed<'_>) -> &'static str {
    let state = subject.network.map(|n: Network| n.connection.state);
    match state {
        Some(State::Closed) if !listed.holders.is_empty() => "CLOSED",
        Some(state) => spelt(state),
        None => "",
    }
}

/// As `ss` spells it.
pub const fn spelt(state: State) -> &'static str {
    match state {
        State::Closed => "UNCONN",
        State::Listen => "LISTEN",
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECV",
        State::Established => "ESTAB",
        State::CloseWait => "CLOSE-WAIT",
        State::LastAck => "LAST-ACK",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::Closing => "CLOSING",
        State::TimeWait => "TIME-WAIT",
    }
}

/// `*` where there is none.
pub(super) fn address(end: Endpoint) -> String {
    if end.port == 0 && end.address.is_unspecified() {
        return "*:*".to_owned();
    }
    if end.port == 0 {
        return match end.address {
            std::net::IpAddr::V4(ip) => format!("{ip}:*"),
            std::net::IpAddr::V6(ip) => format!("[{ip}]:*"),
        };
    }
    SocketAddr::from(end).to_string()
}

fn descriptors(holders: &[Holder<'_>], pid: u32) -> String {
    let own = holders.iter().filter(|holder| holder.pid == pid);
    let own: Vec<String> = own.map(|holder| holder.fd.to_string()).collect();
    own.join(",")
}

fn others(holders: &[Holder<'_>], pid: u32) -> usize {
    let mut others: Vec<u32> = holders.iter().map(|holder| holder.pid).collect();
    others.sort_unstable();
    others.dedup();
    others.iter().filter(|other| **other != pid).count()
}
