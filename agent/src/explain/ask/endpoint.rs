//! One end of a connection as tools print it: `192.0.2.1:80`, `[::1]:80`, `:::80`, `[fe80::1]%eth0:80`, `*:http`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address.
    pub host: Host,
    /// Port.
    pub port: Port,
}

/// The address of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Every address, or one that the row does not tell.
    Any,
    /// This one; never an IPv4 address in the form of IPv6.
    Address(IpAddr),
    /// A name, as tools print it that were not told to leave it.
    Named(String),
}

/// The port of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Every port: a listener's peer.
    Any,
    /// This one.
    Number(u16),
    /// A service's name.
    Named(String),
}

/// Longest name of a host, bytes (RFC 1035).
const NAME_MAX: usize = 253;

impl Place {
    /// Reads one end; the last colon parts the port.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self {
            host: Host::parse(host)?,
            port: Port::parse(port)?,
        })
    }

    /// An end whose address was cut off by the tool.
    pub(super) fn without_host(self) -> Self {
        Self {
            host: Host::Any,
            ..self
        }
    }

    /// Whether it says anything at all.
    pub fn any(&self) -> bool {
        self.host != Host::Any || self.port != Port::Any
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let bare = without_scope(text);
        let bare = bare.strip_prefix('[').unwrap_or(bare);
        let bare = bare.strip_suffix(']').unwrap_or(bare);
        if matches!(bare, "" | "*" | "0.0.0.0" | "::") {
            return Some(Self::Any);
        }
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Address(plain(address)));
        }
        name(bare, NAME_MAX).map(Self::Named)
    }
}

impl Port {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" | "0" => Some(Self::Any),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok().map(Self::Number)
            }
            _ => name(text, 32).map(Self::Named),
        }
    }
}

/// `fe80::1%eth0`, `[fe80::1%eth0]` and `[fe80::1]%eth0` are written.
fn without_scope(text: &str) -> &str {
    text.split_once('%').map_or(text, |(address, _)| address)
}

/// An IPv4 address is one however it is written.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn name(text: &str, longest: usize) -> Option<String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let starts = text.bytes().next()?.is_ascii_alphanumeric();
    let fits = text.len() <= longest && text.bytes().all(good);
    (starts && fits).then(|| text.to_owned())
}

/// As `/proc/net/tcp` and `tcp6` write it: words of four bytes in the order of the host.
pub(super) fn hexadecimal(text: &str) -> Option<Place> {
    let (address, port) = text.split_once(':')?;
    let bytes = words(address)?;
    let host = match *bytes.as_slice() {
        [a, b, c, d] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    let port = (port.len() == 4).then(|| u16::from_str_radix(port, 16).ok())??;
    Some(Place {
        host: match plain(host) {
            address if address.is_unspecified() => Host::Any,
            address => Host::Address(address),
        },
        port: match port {
            0 => Port::Any,
            port => Port::Number(port),
        },
    })
}

/// The bytes in the order of the network.
fn words(text: &str) -> Option<Vec<u8>> {
    if !matches!(text.len(), 8 | 32) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let words = (0..text.len()).step_by(8);
    let words = words.map(|at| u32::from_str_radix(text.get(at..at + 8)?, 16).ok());
    let words: Option<Vec<u32>> = words.collect();
    Some(words?.into_iter().flat_map(u32::to_ne_bytes).collect())
}
