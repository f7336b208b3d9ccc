//! Ends of connections as `ss` writes them: `10.0.0.0/8`, `[::1]:80`, `:443`, `*`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses and a port; what is absent may be any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The address lies in here.
    pub(super) net: Option<Net>,
    /// The port is this.
    pub(super) port: Option<u16>,
}

/// A network, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    first: IpAddr,
    prefix: u8,
}

/// Services that people name and no line has: the names of `/etc/services`, as far as they are common.
const SERVICES: [(&str, u16); 12] = [
    ("ssh", 22),
    ("smtp", 25),
    ("domain", 53),
    ("http", 80),
    ("https", 443),
    ("ldap", 389),
    ("mysql", 3306),
    ("postgresql", 5432),
    ("amqp", 5672),
    ("redis", 6379),
    ("http-alt", 8080),
    ("mongodb", 27017),
];

impl Net {
    /// The network of so many bits that an address lies in; nothing if the address has fewer.
    pub(super) fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        if prefix > bits(address) {
            return None;
        }
        // The lines have IPv4 connections of IPv6 sockets as IPv4.
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
            && let Some(prefix) = prefix.checked_sub(96)
        {
            return Some(Self::masked(v4.into(), prefix));
        }
        Some(Self::masked(address, prefix))
    }

    fn masked(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() & mask).into()
            }
        };
        Self { first, prefix }
    }

    fn has(self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && Self::masked(address, self.prefix) == self
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl End {
    /// Whether an end of a connection is this one.
    pub(super) fn is(self, address: IpAddr, port: Option<u16>) -> bool {
        self.net.is_none_or(|net| net.has(address)) && (self.port.is_none() || self.port == port)
    }

    /// As [`fmt::Display`] writes it, or as `ss` accepts it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (host, port) = split(text);
        let net = match host {
            "" if port.is_some() => None,
            "*" => None,
            host => Some(net(host).ok_or_else(|| wrong(text))?),
        };
        let port = match port {
            None | Some("*") => None,
            Some(text) => Some(port_number(text)?),
        };
        Ok(Self { net, port })
    }
}

/// Host and port; an IPv6 address with a port stands in brackets.
fn split(text: &str) -> (&str, Option<&str>) {
    let bracket = text.rfind(']').unwrap_or(0);
    let colon = text[bracket..].find(':').map(|at| bracket + at);
    let bare_v6 = bracket == 0 && text.matches(':').count() > 1;
    match colon {
        Some(colon) if !bare_v6 => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    }
}

fn net(host: &str) -> Option<Net> {
    let (address, prefix) = match host.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (host, None),
    };
    if let Some(v6) = address.strip_prefix('[') {
        let v6: Ipv6Addr = v6.strip_suffix(']')?.parse().ok()?;
        return Net::new(v6.into(), prefix.unwrap_or(128));
    }
    let address = match (address.parse(), prefix) {
        (Ok(address), _) => address,
        // `193.233.7/24` is a network too.
        (Err(_), Some(_)) => abbreviated(address)?,
        (Err(_), None) => return None,
    };
    Net::new(address, prefix.unwrap_or_else(|| bits(address)))
}

/// Up to three numbers of an IPv4 address; the rest is zero.
fn abbreviated(address: &str) -> Option<IpAddr> {
    let missing = 3_usize.checked_sub(address.matches('.').count())?;
    format!("{address}{}", ".0".repeat(missing)).parse().ok()
}

/// A port's number or the name of a common service.
pub(super) fn port_number(text: &str) -> Result<u16, String> {
    let service = SERVICES.iter().find(|(name, _)| *name == text);
    if let Some((_, port)) = service {
        return Ok(*port);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| "use a port's number from 0 to 65535, for example :443".to_owned())
}

fn wrong(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("a port has a colon before it here: `:{text}`");
    }
    "use an address, a network or a port, for example 10.0.0.7, 10.0.0.0/8, [::1]:80 or :443; names of hosts are not \
     looked up"
        .to_owned()
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            IpAddr::V4(v4) => write!(f, "{v4}")?,
            IpAddr::V6(v6) => write!(f, "[{v6}]")?,
        }
        if self.prefix == bits(self.first) {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.net, self.port) {
            (None, None) => f.write_str("*"),
            (Some(net), None) => net.fmt(f),
            (None, Some(port)) => write!(f, ":{port}"),
            (Some(net), Some(port)) => write!(f, "{net}:{port}"),
        }
    }
}
