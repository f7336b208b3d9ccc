//! Fills [`Offsets`] from the running kernel's types.

use finback_common::offsets::Offsets;

use super::btf::Btf;
use super::error::KernelError;

/// Members without which only a part is lost: the sequence number and flags of a segment, the substate of a
/// minisock, user stacks. Their programs fail to load or count a failed read, everything else works.
const OPTIONAL: &[(&str, &str)] = &[
    ("sk_buff", "cb"),
    ("tcp_skb_cb", "seq"),
    ("tcp_skb_cb", "tcp_flags"),
    ("inet_timewait_sock", "tw_substate"),
    ("task_struct", "self_exec_id"),
    ("task_struct", "stack"),
];

/// Resolves every slot; a required one that this kernel lacks is an error naming struct and member.
pub fn resolve(btf: &Btf<'_>) -> Result<Offsets, KernelError> {
    let mut refused = None;
    let offsets = Offsets::resolve(|strukt, path| match btf.member_offset(strukt, path) {
        Ok(offset) => Some(offset),
        Err(error) => {
            if !OPTIONAL.contains(&(strukt, path)) {
                refused.get_or_insert(error);
            }
            None
        }
    });
    refused.map_or(Ok(offsets), |error| Err(KernelError::Member(error)))
}

#[cfg(test)]
mod tests {
    use finback_common::offsets::MISSING;

    use super::*;
    use crate::kernel::btf;

    #[test]
    fn the_running_kernel_has_every_member() {
        let bytes = std::fs::read(btf::PATH).unwrap();
        let offsets = resolve(&Btf::parse(&bytes).unwrap()).unwrap();
        let missing: Vec<_> = offsets
            .slots()
            .into_iter()
            .filter(|slot| slot.2 == MISSING)
            .collect();
        assert_eq!(missing, []);
        // Fixed since 2.6: the two addresses come first (`struct sock_common`, include/net/sock.h).
        assert_eq!((offsets.skc_daddr, offsets.skc_rcv_saddr), (0, 4));
        assert_ne!(offsets.rcv_nxt, offsets.copied_seq);
    }

    #[test]
    fn a_missing_member_is_named() {
        // A header with empty type and string sections: BTF without a single type.
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24_u32, 0, 0, 0, 0] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        let error = resolve(&Btf::parse(&bytes).unwrap()).unwrap_err();
        assert!(error.to_string().contains("sock_common"), "{error}");
    }
}
