//! A connection and its processes, as every socket event shows them.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::community::CommunityId;
use super::names::{Attribution, NetworkType, Role, State, Transport};
use super::workload::{Container, K8s};
use crate::output::clock::Time;
use finback_core::model::socket::SocketKey;

/// A connection and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject<'a> {
    /// The socket; absent in a finding about a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<Socket>,
    /// Addresses and state; absent with the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The process it belongs to, if known.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process<'a>>,
    /// The process at the other end, if that is on this host.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub peer_process: Option<Process<'a>>,
    /// Path of the process's control group: version 2, or systemd's hierarchy where version 2 has no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cow<'a, str>>,
    /// The unit of systemd that it belongs to: the innermost service, or the scope of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub systemd_unit: Option<Cow<'a, str>>,
    /// The container it runs in.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container<'a>>,
    /// The pod it runs in.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub k8s: Option<K8s<'a>>,
}

/// The socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Socket {
    /// Names this connection for as long as the host runs.
    pub id: SocketId,
    /// The kernel's cookie, as `ss -e` shows it (`sk:`); absent if nobody has asked the kernel for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<u64>,
    /// Inode number, as in `/proc/PID/fd` (`socket:[N]`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Inode number of its network namespace (`/proc/PID/ns/net`).
    pub netns: u32,
    /// Which end opened the connection.
    pub role: Role,
}

/// Addresses and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Always `tcp`.
    pub transport: Transport,
    /// Version of the Internet Protocol.
    #[serde(rename = "type")]
    pub kind: NetworkType,
    /// Our end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Name of the connection that is the same at both ends, whichever tells it: Community ID, version 1; absent if an
    /// end has no port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_id: Option<CommunityId>,
    /// The connection.
    pub connection: Connection,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port; 0 if there is none yet.
    pub port: u16,
}

/// The connection's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// After the event.
    pub state: State,
    /// In a finding: the state of the other end, if that is on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_state: Option<State>,
}

/// A process. Pid and start time together name it: pids are reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process<'a> {
    /// Process id in the initial pid namespace.
    pub pid: u32,
    /// Process id in the innermost pid namespace that it is in, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpid: Option<u32>,
    /// When it started.
    pub start_time: Time,
    /// Its name as the kernel has it and `ss` shows it: 15 bytes at most, and whatever it calls itself.
    pub comm: Cow<'a, str>,
    /// What it runs.
    #[serde(borrow)]
    pub executable: Executable<'a>,
    /// Its arguments, joined by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line: Option<Cow<'a, str>>,
    /// The user whose rights it has (effective); where `/proc` was not asked, who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The user who started it, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_user: Option<User>,
    /// How sure it is that the socket is this process's.
    pub attribution: Attribution,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Executable<'a> {
    /// Name of its file; where that was not asked for, `comm`.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Cow<'a, str>>,
}

/// A user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its id, in the user namespace of finback.
    pub id: u32,
}

impl Network {
    /// The connection between two ends.
    pub fn between(local: Endpoint, peer: Endpoint, connection: Connection) -> Self {
        Self {
            transport: Transport::Tcp,
            kind: NetworkType::from(&local.address.to_canonical()),
            local,
            peer,
            community_id: CommunityId::of(local.into(), peer.into()),
            connection,
        }
    }
}

impl From<Endpoint> for SocketAddr {
    fn from(end: Endpoint) -> Self {
        Self::new(end.address, end.port)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: address.ip(),
            port: address.port(),
        }
    }
}

impl From<&IpAddr> for NetworkType {
    fn from(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// Text form of a [`SocketKey`]: the moment of birth, and four digits that tell apart two sockets born in the
/// same nanosecond. The socket's address itself stays inside: it would tell readers of a log where the kernel's
/// memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId {
    birth_ns: u64,
    tag: u16,
}

impl From<SocketKey> for SocketId {
    fn from(key: SocketKey) -> Self {
        // Fibonacci hashing: the product's top bits depend on every bit of the address.
        let mixed = key.sock.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [high, low, ..] = mixed.to_be_bytes();
        Self {
            birth_ns: key.birth.as_nanos(),
            tag: u16::from_be_bytes([high, low]),
        }
    }
}

impl SocketId {
    /// Writes the text in pieces, without an allocation.
    pub(super) fn render(self, mut write: impl FnMut(&str)) {
        hex(self.birth_ns, 1, &mut write);
        write("-");
        hex(u64::from(self.tag), 4, &mut write);
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        self.render(|text| written = written.and_then(|()| f.write_str(text)));
        written
    }
}

/// `{:0width$x}` at a third of its cost: every event has one.
fn hex(number: u64, width: usize, write: &mut impl FnMut(&str)) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 16];
    let mut rest = number;
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(rest & 15).unwrap_or(0)];
        rest >>= 4;
    }
    let used = 16 - usize::try_from(number.leading_zeros() / 4).unwrap_or(0);
    write(std::str::from_utf8(&text[16 - used.max(width)..]).unwrap_or_default());
}

impl Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SocketId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let (birth, tag) = text
            .split_once('-')
            .ok_or_else(|| D::Error::custom("a socket id has a hyphen"))?;
        Ok(Self {
            birth_ns: u64::from_str_radix(birth, 16).map_err(D::Error::custom)?,
            tag: u16::from_str_radix(tag, 16).map_err(D::Error::custom)?,
        })
    }
}

impl JsonSchema for SocketId {
    fn schema_name() -> Cow<'static, str> {
        "SocketId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{1,16}-[0-9a-f]{4}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finback_core::model::time::Timestamp;

    #[test]
    fn ids_differ_by_birth_and_by_address_and_read_back() {
        let id = |sock, birth| {
            SocketId::from(SocketKey {
                sock,
                birth: Timestamp::from_nanos(birth),
            })
        };
        let base = id(0xffff_8880_0123_4580, 0x2_0000_0001);
        assert_ne!(base, id(0xffff_8880_0123_4580, 0x2_0000_0002));
        assert_ne!(base, id(0xffff_8880_0123_4e80, 0x2_0000_0001));
        assert!(base.to_string().starts_with("200000001-"));
        for id in [base, id(0, 0), id(u64::MAX, u64::MAX)] {
            let text = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<SocketId>(&text).unwrap(), id);
        }
    }
}
