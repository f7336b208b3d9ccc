//! What a socket does about a peer that falls silent if it asks for nothing, namespace by namespace.

use std::fs;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use crate::kernel::netns;
use finback_core::model::guard::GuardDefaults;

/// Shows the settings of the namespace that the reading thread is in.
const SETTINGS: &str = "/proc/sys/net/ipv4";

/// The settings of these namespaces. One that cannot be entered or has just gone is left out.
pub fn list(wanted: &[u32]) -> io::Result<Vec<GuardDefaults>> {
    netns::visit(wanted, read)
}

/// Those of the namespace that this thread is in.
fn read(netns: u32) -> io::Result<GuardDefaults> {
    Ok(GuardDefaults {
        netns,
        time: Duration::from_secs(setting("tcp_keepalive_time")?),
        interval: Duration::from_secs(setting("tcp_keepalive_intvl")?),
        probes: setting("tcp_keepalive_probes")?,
        retries: setting("tcp_retries2")?,
    })
}

fn setting<T: FromStr>(name: &str) -> io::Result<T> {
    let text = fs::read_to_string(format!("{SETTINGS}/{name}"))?;
    let value = text.trim().parse();
    value.map_err(|_unreadable| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{name} is {text}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_settings_are_read() {
        let own = netns::own().unwrap();
        let found = list(&[own]).unwrap();
        let [found] = found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(found.netns, own);
        assert!(found.time > Duration::ZERO && found.interval > Duration::ZERO);
        assert_eq!(list(&[]).unwrap(), []);
        assert_eq!(list(&[1]).unwrap(), [], "no namespace has this number");
    }
}
