//! From what was asked to what is known: every reading is tried, and all that fit are answered.

use std::net::SocketAddr;

use super::ask::{Asked, Clues, Host as Name, Place, Port, Reading};
use super::host::Host;
use super::known::{Connection, Known};
use crate::output::json::{Action, Finding, Incident, State, Subject};

/// Something that fits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'k, 'a> {
    /// A connection or a listener.
    Connection(&'k Connection<'a>),
    /// A process that has connections.
    Process(u32),
    /// An incident.
    Incident(&'k Subject<'a>, &'k Incident<'a>),
    /// A finding about a process.
    ProcessFinding(&'k Subject<'a>, &'k Finding<'a>),
}

/// All that fit, each once, in the order of the readings.
pub(super) fn find<'k, 'a>(
    known: &'k Known<'a>,
    asked: &Asked,
    host: &dyn Host,
) -> Vec<Found<'k, 'a>> {
    let mut all: Vec<Found<'k, 'a>> = Vec::new();
    for found in asked
        .readings
        .iter()
        .flat_map(|reading| read(known, reading, host))
    {
        if !all.iter().any(|known| same(known, &found)) {
            all.push(found);
        }
    }
    all
}

fn same(one: &Found<'_, '_>, other: &Found<'_, '_>) -> bool {
    match (one, other) {
        (Found::Connection(one), Found::Connection(other)) => std::ptr::eq(*one, *other),
        (Found::Process(one), Found::Process(other)) => one == other,
        (Found::Incident(_, one), Found::Incident(_, other)) => std::ptr::eq(*one, *other),
        (Found::ProcessFinding(_, one), Found::ProcessFinding(_, other)) => {
            std::ptr::eq(*one, *other)
        }
        _ => false,
    }
}

fn read<'k, 'a>(known: &'k Known<'a>, reading: &Reading, host: &dyn Host) -> Vec<Found<'k, 'a>> {
    match reading {
        Reading::Incident(id) => {
            let mut all = known.incidents.iter();
            let found = all.find(|(_, incident)| incident.id.eq_ignore_ascii_case(id));
            found
                .map(|(subject, incident)| Found::Incident(subject, incident))
                .into_iter()
                .collect()
        }
        Reading::Finding(id) => finding(known, *id),
        Reading::Socket(id) => connections(known, |connection| {
            let socket = connection.subject.socket;
            socket.is_some_and(|socket| socket.id.to_string() == *id)
        }),
        Reading::Process(pid) => process(known, *pid).into_iter().collect(),
        Reading::Connection(clues) => by_clues(known, clues, host),
    }
}

/// Also one that is over: its id may stand in somebody's notes.
fn finding<'k, 'a>(known: &'k Known<'a>, id: u64) -> Vec<Found<'k, 'a>> {
    let is = |connection: &Connection<'a>| {
        let finding = connection.finding.as_deref();
        finding.is_some_and(|finding| finding.id == id)
    };
    let mut found = connections(known, is);
    let processes = known
        .processes
        .iter()
        .filter(|(_, finding)| finding.id == id);
    found.extend(processes.map(|(subject, finding)| Found::ProcessFinding(subject, finding)));
    found
}

fn process<'k, 'a>(known: &Known<'a>, pid: u32) -> Option<Found<'k, 'a>> {
    let mut connections = known.connections.iter();
    let mut incidents = known.incidents.iter();
    let has = connections.any(|connection| connection.belongs_to(pid))
        || incidents.any(|(_, incident)| of(incident, pid));
    has.then_some(Found::Process(pid))
}

/// Whether a process has a part in an incident.
pub(super) fn of(incident: &Incident<'_>, pid: u32) -> bool {
    let over = incident.action == Action::Resolved;
    !over && incident.processes.iter().any(|process| process.pid == pid)
}

fn connections<'k, 'a>(
    known: &'k Known<'a>,
    fits: impl Fn(&Connection<'a>) -> bool,
) -> Vec<Found<'k, 'a>> {
    let all = known
        .connections
        .iter()
        .filter(|connection| fits(connection));
    all.map(Found::Connection).collect()
}

/// The surest clue first: a cookie names one socket for as long as the host runs, an inode while it is open; addresses
/// are the same in several namespaces; a pid of a container is another process out here.
fn by_clues<'k, 'a>(known: &'k Known<'a>, clues: &Clues, host: &dyn Host) -> Vec<Found<'k, 'a>> {
    let socket = |connection: &Connection<'a>| connection.subject.socket;
    if let Some(cookie) = clues.cookie {
        let found = connections(known, |one| {
            socket(one).is_some_and(|socket| socket.cookie == Some(cookie))
        });
        if !found.is_empty() {
            return found;
        }
    }
    if let Some(inode) = clues.inode {
        let found = by_inode(known, inode);
        if !found.is_empty() {
            return found;
        }
    }
    if !clues.ends.is_empty() {
        return narrowed(by_ends(known, clues, host), clues);
    }
    let descriptors = clues.holders.iter();
    descriptors
        .flat_map(|(pid, fd)| by_descriptor(known, *pid, *fd, host))
        .collect()
}

fn by_inode<'k, 'a>(known: &'k Known<'a>, inode: u64) -> Vec<Found<'k, 'a>> {
    connections(known, |connection| {
        let socket = connection.subject.socket;
        socket.is_some_and(|socket| socket.inode == Some(inode))
    })
}

/// What a descriptor refers to now counts more than what it referred to when the line was written.
fn by_descriptor<'k, 'a>(
    known: &'k Known<'a>,
    pid: u32,
    fd: u32,
    host: &dyn Host,
) -> Vec<Found<'k, 'a>> {
    let found = host.inode(pid, fd).map(|inode| by_inode(known, inode));
    if let Some(found) = found.filter(|found| !found.is_empty()) {
        return found;
    }
    connections(known, |connection| {
        // In the accept queue it has no descriptor; its listener has.
        let queued = connection
            .listed
            .as_deref()
            .is_some_and(|listed| listed.queued);
        let mut holders = connection.holders().iter();
        !queued && holders.any(|holder| (holder.pid, holder.fd) == (pid, fd))
    })
}

fn by_ends<'k, 'a>(known: &'k Known<'a>, clues: &Clues, host: &dyn Host) -> Vec<Found<'k, 'a>> {
    connections(known, |connection| {
        let Some((local, peer)) = connection.ends() else {
            return false;
        };
        agree(connection, clues)
            && match clues.ends.as_slice() {
                [end] => fits(end, local, host) || fits(end, peer, host),
                [end, any] if !any.any() => {
                    connection.state() == State::Listen && fits(end, local, host)
                }
                [end, other, ..] => fits(end, local, host) && fits(other, peer, host),
                [] => false,
            }
    })
}

/// Another socket may have had the same addresses before.
fn agree(connection: &Connection<'_>, clues: &Clues) -> bool {
    let Some(socket) = connection.subject.socket else {
        return true;
    };
    let same =
        |one: Option<u64>, other: Option<u64>| one.is_none() || other.is_none() || one == other;
    same(socket.inode, clues.inode) && same(socket.cookie, clues.cookie)
}

/// Those of the process that the row names, if there are any.
fn narrowed<'k, 'a>(found: Vec<Found<'k, 'a>>, clues: &Clues) -> Vec<Found<'k, 'a>> {
    let pids = clues.holders.iter().map(|(pid, _)| *pid).chain(clues.pid);
    let pids: Vec<u32> = pids.collect();
    let named = |found: &Found<'k, 'a>| match found {
        Found::Connection(connection) => pids.iter().any(|pid| connection.belongs_to(*pid)),
        Found::Process(_) | Found::Incident(..) | Found::ProcessFinding(..) => false,
    };
    if found.len() > 1 && found.iter().any(named) {
        return found.into_iter().filter(named).collect();
    }
    found
}

fn fits(place: &Place, end: SocketAddr, host: &dyn Host) -> bool {
    let address = match &place.host {
        Name::Any => true,
        Name::Address(address) => *address == end.ip() || end.ip().is_unspecified(),
        Name::Named(name) if name == "localhost" => end.ip().is_loopback(),
        // Whose name it was is not known here; the ports have to do.
        Name::Named(_) => true,
    };
    address
        && match &place.port {
            Port::Any => true,
            Port::Number(port) => *port == end.port(),
            Port::Named(service) => host.port(service) == Some(end.port()),
        }
}
