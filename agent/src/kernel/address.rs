//! Addresses of the ABI as the standard library's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use finback_common::socket::Tuple;
use finback_common::tcp::{AF_INET, AF_INET6};

use finback_core::model::socket::{Endpoints, Role};

/// `None` for a family that is neither IPv4 nor IPv6. v4-mapped addresses become plain IPv4.
pub(super) fn endpoints(tuple: &Tuple) -> Option<Endpoints> {
    let Tuple {
        local_addr,
        peer_addr,
        netns,
        local_port,
        peer_port,
        family,
        reserved: _,
    } = *tuple;
    Some(Endpoints {
        local: SocketAddr::new(ip(family, local_addr)?, local_port),
        peer: SocketAddr::new(ip(family, peer_addr)?, peer_port),
        netns,
    })
}

/// Which end opened the connection.
pub(super) const fn role(client: bool, server: bool) -> Role {
    match (client, server) {
        (true, _) => Role::Client,
        (false, true) => Role::Server,
        (false, false) => Role::Unknown,
    }
}

/// One address in network order; IPv4 in the first four bytes.
pub(super) fn ip(family: u16, bytes: [u8; 16]) -> Option<IpAddr> {
    match family {
        AF_INET => {
            let [a, b, c, d, ..] = bytes;
            Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_become_addresses() {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&[10, 0, 0, 1]);
        assert_eq!(
            ip(AF_INET, bytes),
            Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)))
        );
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(ip(AF_INET6, v6.octets()), Some(IpAddr::V6(v6)));
        let mapped: Ipv6Addr = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(
            ip(AF_INET6, mapped.octets()),
            Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
        );
        assert_eq!(ip(1, bytes), None);
    }
}
