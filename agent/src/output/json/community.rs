//! Community ID: a name of a connection that is the same at both of its ends.
//!
//! Version 1, seed 0, as Zeek, Suricata, Wireshark and the Elastic Common Schema (`network.community_id`) have it, so
//! that lines are joined with each other and with what those have seen: SHA-1 of both addresses, the protocol and both
//! ports, the lower end first (<https://github.com/corelight/community-id-spec>).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// Name of a connection, whichever end tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommunityId([u8; DIGEST]);

const DIGEST: usize = 20;
const VERSION: &str = "1:";
/// Length of the text: `1:` and 20 bytes in base64.
const TEXT: usize = 30;

impl CommunityId {
    /// That of the TCP connection between two ends. None if one of them has no port yet: not two ends of anything.
    pub fn of(one: SocketAddr, other: SocketAddr) -> Option<Self> {
        const SEED: [u8; 2] = [0; 2];
        const TCP_AND_PADDING: [u8; 2] = [6, 0];
        if one.port() == 0 || other.port() == 0 {
            return None;
        }
        // An IPv4 connection may have an IPv6 socket at one end only.
        let end = |end: SocketAddr| (end.ip().to_canonical(), end.port());
        let (one, other) = (end(one), end(other));
        let (low, high) = (one.min(other), one.max(other));
        let mut hash = Sha1::new_with_prefix(SEED);
        add(&mut hash, low.0);
        add(&mut hash, high.0);
        hash.update(TCP_AND_PADDING);
        hash.update(low.1.to_be_bytes());
        hash.update(high.1.to_be_bytes());
        Some(Self(hash.finalize().into()))
    }

    /// The text, without an allocation.
    pub(super) fn render(self) -> [u8; TEXT] {
        let mut text = [0; TEXT];
        let (version, digest) = text.split_at_mut(VERSION.len());
        version.copy_from_slice(VERSION.as_bytes());
        let written = STANDARD.encode_slice(self.0, digest);
        debug_assert_eq!(written, Ok(TEXT - VERSION.len()));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let digest = STANDARD.decode(text.strip_prefix(VERSION)?).ok()?;
        digest.try_into().ok().map(Self)
    }
}

fn add(hash: &mut Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.update(address.octets()),
        IpAddr::V6(address) => hash.update(address.octets()),
    }
}

impl Serialize for CommunityId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.render();
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for CommunityId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("a Community ID is `1:` and 20 bytes in base64"))
    }
}

impl JsonSchema for CommunityId {
    fn schema_name() -> Cow<'static, str> {
        "CommunityId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^1:[0-9A-Za-z+/]{27}=$" })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn text(one: SocketAddr, other: SocketAddr) -> Option<String> {
        let id = CommunityId::of(one, other)?;
        Some(String::from_utf8(id.render().to_vec()).unwrap())
    }

    fn end(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// Of the specification's own table.
    #[test]
    fn connections_have_the_names_that_other_programs_give_them() {
        let known = [
            (
                "128.232.110.120:34855",
                "66.35.250.204:80",
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            ),
            (
                "[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943",
                "[2607:f8b0:400c:c03::1a]:25",
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
        ];
        for (one, other, id) in known {
            assert_eq!(text(end(one), end(other)).as_deref(), Some(id));
        }
    }

    #[test]
    fn an_end_without_a_port_has_no_connection() {
        assert_eq!(text(end("0.0.0.0:80"), end("0.0.0.0:0")), None);
    }

    fn ends() -> impl Strategy<Value = SocketAddr> {
        (any::<IpAddr>(), 1..=u16::MAX).prop_map(SocketAddr::from)
    }

    fn mapped(end: SocketAddr) -> SocketAddr {
        let address = match end.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(_) => end.ip(),
        };
        SocketAddr::new(address, end.port())
    }

    proptest! {
        #[test]
        fn both_ends_give_the_same_name(one in ends(), other in ends()) {
            prop_assert!(CommunityId::of(one, other).is_some());
            prop_assert_eq!(CommunityId::of(one, other), CommunityId::of(other, one));
        }

        #[test]
        fn an_ipv6_socket_makes_no_difference_to_an_ipv4_connection(
            one in any::<(Ipv4Addr, u16)>().prop_map(SocketAddr::from),
            other in any::<(Ipv4Addr, u16)>().prop_map(SocketAddr::from),
        ) {
            prop_assert_eq!(
                CommunityId::of(mapped(one), other),
                CommunityId::of(mapped(other), mapped(one))
            );
            prop_assert_eq!(CommunityId::of(mapped(one), other), CommunityId::of(one, other));
        }

        #[test]
        fn other_connections_have_other_names(
            one in ends(), other in ends(), port in 1..=u16::MAX,
        ) {
            prop_assume!(port != other.port() && port != one.port());
            let moved = SocketAddr::new(other.ip(), port);
            prop_assert_ne!(CommunityId::of(one, other), CommunityId::of(one, moved));
        }

        #[test]
        fn names_are_read_back(one in ends(), other in ends()) {
            let id = CommunityId::of(one, other).unwrap();
            let line = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<CommunityId>(&line).unwrap(), id);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "1:", "2:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:LQU9"] {
            let line = serde_json::to_string(text).unwrap();
            assert!(
                serde_json::from_str::<CommunityId>(&line).is_err(),
                "{text}"
            );
        }
    }
}
