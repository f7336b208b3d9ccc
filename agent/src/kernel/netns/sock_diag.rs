//! The kernel's own list of TCP sockets, namespace by namespace (`NETLINK_SOCK_DIAG`,
//! `include/uapi/linux/inet_diag.h`): minisocks, which no descriptor leads to, and the fall-back for snapshots.

use std::io;
use std::net::SocketAddr;

use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout};

use crate::kernel::address::ip;
use crate::kernel::netns;
use finback_core::model::look::SocketCounters;
use finback_core::model::socket::Endpoints;
use finback_core::model::state::TcpState;

/// One byte in `struct inet_diag_req_v2`.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
pub(super) const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `INET_DIAG_INFO`: `struct tcp_info`.
const INFO: u16 = 2;
/// `inet_diag_msg.idiag_timer` of a minisock.
const TIMER_TIME_WAIT: u8 = 3;
/// The kernel fills at most 32 KiB per message of a dump; more room makes fewer calls.
const RECEIVE_BYTES: usize = 64 << 10;

/// Bit for a state in a request's mask.
pub const fn bit(state: u8) -> u32 {
    1 << state
}

/// One socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Addresses.
    pub endpoints: Endpoints,
    /// State; of a minisock its substate.
    pub state: TcpState,
    /// Whether it is a minisock.
    pub minisock: bool,
    /// Cookie: made by this very look if nobody asked before.
    pub cookie: u64,
    /// Inode number; 0 for a socket that no file refers to (not accepted yet, orphan, minisock).
    pub inode: u32,
    /// Numbers; zero except for the queues unless they were asked for.
    pub counters: SocketCounters,
    /// What a request calls it.
    pub name: Name,
}

/// What a request calls one socket: addresses, interface and cookie as the kernel listed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    family: u8,
    pub(super) id: SocketId,
}

/// What to list.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Bits of states, see [`bit`].
    pub states: u32,
    /// Whether to read `struct tcp_info` too.
    pub counters: bool,
}

/// Sockets, namespace by namespace.
#[derive(Debug, Default)]
pub struct Listing {
    /// Inode numbers of the namespaces that were listed.
    pub namespaces: Vec<u32>,
    /// Those that were wanted and not found: gone, or held by a descriptor only.
    pub missing: Vec<u32>,
    /// What was found in them.
    pub sockets: Vec<Listed>,
}

/// Lists sockets of both families in every namespace `wanted` (all if empty). A namespace that cannot be entered
/// or has just gone harms no other.
pub fn list(query: Query, wanted: &[u32]) -> io::Result<Listing> {
    list_those(query, wanted, |_| true)
}

/// The same, without those that are not to be kept: there may be many.
pub(super) fn list_those(
    query: Query,
    wanted: &[u32],
    keep: impl Fn(&Listed) -> bool,
) -> io::Result<Listing> {
    let own = netns::own()?;
    let (mut namespaces, mut sockets) = (Vec::new(), Vec::new());
    let mut missing = wanted.to_vec();
    for namespace in netns::all()? {
        missing.retain(|id| *id != namespace.id);
        if !wanted.is_empty() && !wanted.contains(&namespace.id) {
            continue;
        }
        let open = || Socket::new(NETLINK_SOCK_DIAG);
        let socket = if namespace.id == own {
            open()
        } else {
            netns::within(&namespace.path, open)
        };
        let kept = sockets.len();
        let mut take = |listed| {
            if keep(&listed) {
                sockets.push(listed);
            }
        };
        match socket.and_then(|socket| both_families(&socket, query, namespace.id, &mut take)) {
            Ok(()) => namespaces.push(namespace.id),
            Err(error) => {
                sockets.truncate(kept);
                tracing::debug!(netns = namespace.id, %error, "this network namespace's sockets cannot be listed");
            }
        }
    }
    Ok(Listing {
        namespaces,
        missing,
        sockets,
    })
}

/// `struct inet_diag_sockid`.
#[derive(Debug, PartialEq, Eq, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct SocketId {
    /// Network order.
    local_port: [u8; 2],
    peer_port: [u8; 2],
    local: [u8; 16],
    peer: [u8; 16],
    interface: u32,
    pub(super) cookie: [u32; 2],
}

/// `struct nlmsghdr`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
    port: u32,
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct Request {
    header: Header,
    family: u8,
    protocol: u8,
    extensions: u8,
    padding: u8,
    states: u32,
    id: SocketId,
}

/// `struct inet_diag_msg`.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Message {
    family: u8,
    state: u8,
    timer: u8,
    retransmits: u8,
    id: SocketId,
    expires_ms: u32,
    receive_queue: u32,
    send_queue: u32,
    uid: u32,
    inode: u32,
}

impl Name {
    /// A request about this socket.
    pub(super) fn request(self, kind: u16, flags: u16) -> Request {
        Request {
            family: self.family,
            id: self.id,
            ..Request::new(kind, flags)
        }
    }

    /// No socket has this one: no port is 0, no cookie either.
    pub(super) fn of_nobody() -> Self {
        Self {
            family: AF_INET,
            id: SocketId::new_zeroed(),
        }
    }
}

impl Request {
    fn new(kind: u16, flags: u16) -> Self {
        let mut request = Self::new_zeroed();
        request.header.length = REQUEST_BYTES;
        request.header.kind = kind;
        request.header.flags = flags;
        request.protocol = IPPROTO_TCP;
        request
    }
}

const REQUEST_BYTES: u32 = 16 + 56;
const _: () = assert!(size_of::<Request>() == REQUEST_BYTES as usize);
const _: () = assert!(size_of::<Message>() == 72);

fn both_families(
    socket: &Socket,
    query: Query,
    netns: u32,
    take: &mut dyn FnMut(Listed),
) -> io::Result<()> {
    for family in [AF_INET, AF_INET6] {
        dump(socket, query, family, netns, take)?;
    }
    Ok(())
}

fn dump(
    socket: &Socket,
    query: Query,
    family: u8,
    netns: u32,
    take: &mut dyn FnMut(Listed),
) -> io::Result<()> {
    let mut request = Request::new(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
    request.family = family;
    request.extensions = if query.counters { 1 << (INFO - 1) } else { 0 };
    request.states = query.states;
    socket.send(request.as_bytes(), 0)?;
    let mut buffer = Vec::with_capacity(RECEIVE_BYTES);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if read_messages(&buffer, query, netns, take)? {
            return Ok(());
        }
    }
}

/// Hands the sockets of one datagram to `take`; true after the last message of the dump.
pub(super) fn read_messages(
    mut bytes: &[u8],
    query: Query,
    netns: u32,
    take: &mut dyn FnMut(Listed),
) -> io::Result<bool> {
    while let Ok((header, _)) = Header::read_from_prefix(bytes) {
        let length = header.length as usize;
        let Some(body) = bytes.get(size_of::<Header>()..length) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "cut-off netlink message",
            ));
        };
        match header.kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = i32::read_from_prefix(body).map_or(0, |(code, _)| code);
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            SOCK_DIAG_BY_FAMILY => {
                if let Some(listed) = listed(body, query, netns) {
                    take(listed);
                }
            }
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn listed(body: &[u8], query: Query, netns: u32) -> Option<Listed> {
    let (message, attributes) = Message::read_from_prefix(body).ok()?;
    let state = TcpState::from_kernel(message.state)?;
    let family = u16::from(message.family);
    let id = message.id;
    let address = |bytes, port| {
        Some(SocketAddr::new(
            ip(family, bytes)?,
            u16::from_be_bytes(port),
        ))
    };
    let mut counters = SocketCounters::default();
    if state == TcpState::Listen {
        counters.backlog = message.receive_queue;
        counters.max_backlog = message.send_queue;
    } else {
        counters.unread = message.receive_queue;
        counters.unacked = message.send_queue;
    }
    if query.counters {
        read_info(attributes, &mut counters);
    }
    Some(Listed {
        endpoints: Endpoints {
            local: address(id.local, id.local_port)?,
            peer: address(id.peer, id.peer_port)?,
            netns,
        },
        state,
        minisock: message.timer == TIMER_TIME_WAIT,
        cookie: u64::from(id.cookie[1]) << 32 | u64::from(id.cookie[0]),
        inode: message.inode,
        counters,
        name: Name {
            family: message.family,
            id,
        },
    })
}

/// Reads one acknowledgement: what the kernel said of one request.
pub(super) fn acknowledged(socket: &Socket) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(RECEIVE_BYTES);
    socket.recv(&mut buffer, 0)?;
    let (header, body) =
        Header::read_from_prefix(&buffer).map_err(|_short| io::ErrorKind::UnexpectedEof)?;
    let code = i32::read_from_prefix(body).map(|(code, _)| code);
    match (header.kind, code) {
        (NLMSG_ERROR, Ok(0)) => Ok(()),
        (NLMSG_ERROR, Ok(code)) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Finds `struct tcp_info` among the attributes. It only ever grows at its end: older kernels give less.
fn read_info(mut attributes: &[u8], counters: &mut SocketCounters) {
    // `struct nlattr`: length and type, two bytes each.
    while let Ok((&[length, kind], _)) = <[u16; 2]>::ref_from_prefix(attributes) {
        let length = usize::from(length);
        let Some(value) = attributes.get(4..length) else {
            return;
        };
        if kind == INFO {
            let byte = |at: usize| value.get(at).copied().unwrap_or(0);
            let number = |at: usize| Some(u64::from_ne_bytes(*value.get(at..)?.first_chunk()?));
            counters.retransmits = byte(2);
            counters.probes = byte(3);
            counters.backoff = byte(4);
            counters.bytes_acked = number(120).unwrap_or(0);
            counters.bytes_received = number(128).unwrap_or(0);
            counters.bytes_sent = number(200).unwrap_or(0);
            return;
        }
        attributes = attributes
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
