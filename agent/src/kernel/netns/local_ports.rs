//! The local ports that the kernel may choose for a connection, namespace by namespace.

use std::fs;
use std::io;

use crate::kernel::netns;
use finback_core::model::look::LocalPorts;

/// Shows the settings of the namespace that the reading thread is in.
const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// The settings of these namespaces. One that cannot be entered or has just gone is left out.
pub fn list(wanted: &[u32]) -> io::Result<Vec<LocalPorts>> {
    netns::visit(wanted, read)
}

/// Those of the namespace that this thread is in.
fn read(netns: u32) -> io::Result<LocalPorts> {
    let (low, high) = range(&fs::read_to_string(RANGE)?).ok_or(io::ErrorKind::InvalidData)?;
    Ok(LocalPorts {
        netns,
        low,
        high,
        reserved: reserved(&fs::read_to_string(RESERVED)?, low, high),
    })
}

/// Two numbers and white space between them.
pub(super) fn range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_ascii_whitespace();
    let low = words.next()?.parse().ok()?;
    let high = words.next()?.parse().ok()?;
    (low <= high).then_some((low, high))
}

/// How many ports of the range are named in a list such as `8080,40000-40010`.
pub(super) fn reserved(text: &str, low: u16, high: u16) -> u16 {
    let parts = text.trim().split(',').filter_map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
        let (from, to) = (from.max(low), to.min(high));
        Some((to.checked_sub(from)?).saturating_add(1))
    });
    parts.fold(0, u16::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_range_is_read() {
        let own = netns::own().unwrap();
        let settings = list(&[own]).unwrap();
        let [settings] = settings[..] else {
            panic!("{settings:?}")
        };
        assert_eq!(settings.netns, own);
        let text = fs::read_to_string(RANGE).unwrap();
        assert_eq!(range(&text), Some((settings.low, settings.high)));
        assert!(settings.usable() > 0);
        assert_eq!(list(&[]).unwrap(), []);
        assert_eq!(list(&[1]).unwrap(), [], "no namespace has this number");
    }

    #[test]
    fn reserved_ports_count_where_they_are_in_the_range() {
        assert_eq!(reserved("\n", 32_768, 60_999), 0);
        assert_eq!(reserved("8080,40000\n", 32_768, 60_999), 1);
        assert_eq!(reserved("32000-32769,60990-65535", 32_768, 60_999), 2 + 10);
        assert_eq!(reserved("1-65535", 1, 65_534), 65_534);
    }

    #[test]
    fn a_range_is_two_numbers_in_order() {
        assert_eq!(range("32768\t60999\n"), Some((32_768, 60_999)));
        assert_eq!(range("2 1"), None);
        assert_eq!(range("1"), None);
    }
}
