//! Fills [`Offsets`] from the running kernel's types.

use std::collections::BTreeMap;

use finback_common::hook::Signal;
use finback_common::offsets::{Need, Offsets, Slot};
use finback_common::settings::SOCKET_BYTES;

use super::{Btf, BtfError};

/// Size of a kernel stack where the types do not tell (`THREAD_SIZE` of x86-64, and of arm64 with pages of
/// 4 or 16 KiB).
const KERNEL_STACK_BYTES: u32 = 16 << 10;

/// What a TCP socket is, each the beginning of the next.
const SOCKET: [&str; 5] = [
    "sock_common",
    "sock",
    "inet_sock",
    "inet_connection_sock",
    "tcp_sock",
];

/// Where members lie, and what is lost because one is not there.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The slots.
    pub offsets: Offsets,
    /// Bytes from the start of a TCP socket to the end of the last of them.
    pub socket_bytes: u32,
    missing: BTreeMap<Need, BtfError>,
}

impl Resolved {
    /// Looks for every member.
    pub fn new(btf: &Btf<'_>) -> Self {
        let mut missing = BTreeMap::new();
        let mut socket_bytes = 0;
        let offsets = Offsets::resolve(|slot| {
            let found = btf.member_offset(slot.strukt, slot.path, slot.bytes);
            let offset = found
                .map_err(|error| missing.entry(slot.need).or_insert(error))
                .ok()?;
            if SOCKET.contains(&slot.strukt) {
                match end(slot, offset) {
                    Ok(bytes) => socket_bytes = bytes.max(socket_bytes),
                    Err(far) => drop(missing.entry(Need::Look).or_insert(far)),
                }
            }
            Some(offset)
        });
        Self {
            offsets,
            socket_bytes,
            missing,
        }
    }

    /// Why this cannot be had, if it cannot.
    pub fn lack(&self, needs: &[Need]) -> Option<&BtfError> {
        needs.iter().find_map(|need| self.missing.get(need))
    }

    /// What is missing without costing a signal or the look, with the reason.
    pub fn lesser_lacks(&self) -> impl Iterator<Item = (&'static str, &BtfError)> {
        let lacks = [
            (Need::Ipv6, "IPv6 connections are not told apart"),
            (Need::Inode, "records do not name a socket's inode number"),
            (Need::Hole, "a FIN behind a hole is not seen by a look"),
            (
                Need::Port,
                "which end opened a connection is known only if that was seen",
            ),
            (Need::Queue, "accept queues are not walked"),
            (
                Need::Bound,
                "ports that the kernel chose are not told from others",
            ),
            (
                Need::Guard,
                "keep-alive and the user timeout of a socket are not known",
            ),
            (Need::Waiters, "nobody knows who waits for a socket"),
        ];
        lacks
            .into_iter()
            .filter_map(|(need, loss)| Some((loss, self.missing.get(&need)?)))
    }
}

/// Where a member of a socket ends.
fn end(slot: Slot, offset: u32) -> Result<u32, BtfError> {
    let bytes = offset.saturating_add(slot.bytes);
    if bytes as usize <= SOCKET_BYTES {
        return Ok(bytes);
    }
    Err(BtfError::Far {
        strukt: slot.strukt.to_owned(),
        path: slot.path.to_owned(),
        bytes,
        room: SOCKET_BYTES,
    })
}

/// What the programs of a signal read.
pub const fn needs(signal: Signal) -> &'static [Need] {
    match signal {
        Signal::Half | Signal::Reset | Signal::Eof => &[Need::Sock, Need::Numbers],
        Signal::State => &[Need::Sock, Need::Numbers, Need::Process],
        Signal::Open | Signal::Accept => &[Need::Sock, Need::Process],
        Signal::Release => &[Need::Sock, Need::Numbers],
        Signal::Segment => &[Need::Sock, Need::Numbers, Need::Segment, Need::Sequence],
        Signal::TimeWait | Signal::Close => &[Need::Sock],
        Signal::Shutdown => &[Need::Sock, Need::Socket],
    }
}

/// What the walk over all descriptors reads.
pub const LOOK: &[Need] = &[
    Need::Sock,
    Need::Numbers,
    Need::Process,
    Need::Inode,
    Need::Socket,
    Need::Look,
];

/// Where a thread's registers lie above the start of its kernel stack; `None` where that is not known.
pub fn registers(btf: &Btf<'_>, resolved: &Resolved) -> Option<u32> {
    if resolved.lack(&[Need::Stack, Need::Process]).is_some() {
        return None;
    }
    let stack = btf.size("thread_union").unwrap_or(KERNEL_STACK_BYTES);
    stack.checked_sub(btf.size("pt_regs")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::btf;

    #[test]
    fn the_running_kernel_has_every_member() {
        let bytes = std::fs::read(btf::PATH).unwrap();
        let btf = Btf::parse(&bytes).unwrap();
        let resolved = Resolved::new(&btf);
        let offsets = resolved.offsets;
        assert_eq!(resolved.missing, BTreeMap::new());
        assert!(
            resolved.socket_bytes > offsets.rcv_nxt && resolved.socket_bytes > offsets.write_seq
        );
        assert!(resolved.socket_bytes <= btf.size("tcp_sock").unwrap());
        // Fixed since 2.6: the two addresses come first (`struct sock_common`, include/net/sock.h).
        assert_eq!((offsets.skc_daddr, offsets.skc_rcv_saddr), (0, 4));
        assert_ne!(offsets.rcv_nxt, offsets.copied_seq);
    }

    /// A kernel's types in which one member has another name.
    fn without(member: &str) -> Resolved {
        let mut bytes = std::fs::read(btf::PATH).unwrap();
        let name = [b"\0", member.as_bytes(), b"\0"].concat();
        let mut at = 0;
        while let Some(found) = bytes[at..]
            .windows(name.len())
            .position(|part| part == name)
        {
            bytes[at + found + 1] = b'_';
            at += found + name.len() - 1;
        }
        assert_ne!(at, 0, "this kernel has no {member}");
        Resolved::new(&Btf::parse(&bytes).unwrap())
    }

    #[test]
    fn a_member_that_is_not_there_costs_only_what_needs_it() {
        let resolved = without("dl_next");
        assert!(
            resolved
                .lesser_lacks()
                .any(|(_, error)| error.to_string().contains("dl_next"))
        );
        assert!(
            Signal::ALL
                .iter()
                .all(|signal| resolved.lack(needs(*signal)).is_none())
        );
        assert_eq!(resolved.lack(LOOK), None);

        let resolved = without("icsk_user_timeout");
        assert_eq!(resolved.lesser_lacks().count(), 1);
        assert_eq!(resolved.lack(LOOK), None);

        let resolved = without("lsndtime");
        let lack = resolved.lack(needs(Signal::Half)).unwrap().to_string();
        assert!(lack.contains("lsndtime in struct tcp_sock"), "{lack}");
        assert_eq!(resolved.lack(needs(Signal::Open)), None);
        assert!(resolved.lack(LOOK).is_some());
    }

    #[test]
    fn a_socket_that_no_look_has_room_for_costs_the_look() {
        let slot = Slot {
            need: Need::Numbers,
            strukt: "tcp_sock",
            path: "rcv_nxt",
            bytes: 4,
        };
        assert_eq!(end(slot, 4092), Ok(4096));
        let far = end(slot, 4093).unwrap_err().to_string();
        assert!(far.contains("rcv_nxt") && far.contains("4097"), "{far}");
        assert_eq!(end(slot, u32::MAX).ok(), None);
    }

    #[test]
    fn a_kernel_without_ipv6_serves_ipv4() {
        let resolved = without("skc_v6_daddr");
        assert!(
            Signal::ALL
                .iter()
                .all(|signal| resolved.lack(needs(*signal)).is_none())
        );
        assert_eq!(resolved.lesser_lacks().count(), 1);
    }

    #[test]
    fn nothing_is_known_of_a_kernel_without_types() {
        // A header with empty type and string sections: BTF without a single type.
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24_u32, 0, 0, 0, 0] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        let resolved = Resolved::new(&Btf::parse(&bytes).unwrap());
        let lack = resolved.lack(&[Need::Sock]).unwrap().to_string();
        assert!(lack.contains("sock_common"), "{lack}");
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn registers_lie_at_the_end_of_the_kernel_stack() {
        let bytes = std::fs::read(btf::PATH).unwrap();
        let btf = Btf::parse(&bytes).unwrap();
        let found = registers(&btf, &Resolved::new(&btf)).unwrap();
        // `struct pt_regs` has 21 registers; the size of the stack is a power of two.
        assert!((found + 21 * 8).is_power_of_two(), "{found}");
    }
}
