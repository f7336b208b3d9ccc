//! The few type numbers that aya needs to load programs, without the memory that all types take.
//!
//! aya looks up the type number of each hook's function or tracepoint in a parsed copy of the kernel's BTF: tens of
//! megabytes for some 30 numbers. Here it gets a table of the same length in which only those types have a name.

use aya::{Btf as AyaBtf, BtfError, Endianness};
use finback_common::hook::{Hook, Kind};

use super::Btf;

/// Targets of the iterators (`bpf_iter_<target>`).
const ITERATORS: &[&str] = &["task_file", "task"];

const FORWARD: u32 = 7 << 24;
const TYPEDEF: u32 = 8 << 24;
const FUNCTION: u32 = 12 << 24;

/// The table for every hook of [`Hook::ALL`] and the iterators.
pub fn table(btf: &Btf<'_>) -> Result<AyaBtf, BtfError> {
    let mut strings = vec![0_u8];
    let mut types = vec![[0_u32, FORWARD, 0]; btf.len()];
    let mut name = |id: Option<u32>, name: &str, info: u32| {
        let slot = id.and_then(|id| types.get_mut(usize::try_from(id).ok()?.checked_sub(1)?));
        if let (Some(slot), Ok(offset)) = (slot, u32::try_from(strings.len())) {
            *slot = [offset, info, 0];
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
        }
    };
    for hook in Hook::ALL {
        let target = hook.target();
        match hook.kind() {
            Kind::BtfTracepoint => name(
                btf.tracepoint(target),
                &format!("btf_trace_{target}"),
                TYPEDEF,
            ),
            Kind::Fentry | Kind::Fexit => name(btf.function(target), target, FUNCTION),
            Kind::Kprobe => {}
        }
    }
    for target in ITERATORS {
        let iterator = format!("bpf_iter_{target}");
        name(btf.function(&iterator), &iterator, FUNCTION);
    }
    AyaBtf::parse(&encode(&types, &strings), Endianness::default())
}

fn encode(types: &[[u32; 3]], strings: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let type_bytes = length(size_of_val(types));
    let mut bytes = Vec::with_capacity(size_of_val(types) + strings.len() + 24);
    // `struct btf_header`: magic, version, flags, then its own length, and offset and length of both sections.
    bytes.extend_from_slice(&0xeb9f_u16.to_ne_bytes());
    bytes.extend_from_slice(&[1, 0]);
    for word in [24, 0, type_bytes, type_bytes, length(strings.len())] {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes.extend(types.iter().flatten().flat_map(|word| word.to_ne_bytes()));
    bytes.extend_from_slice(strings);
    bytes
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;
    use crate::kernel::btf::PATH;

    #[test]
    fn numbers_are_those_of_the_whole_table() {
        let bytes = std::fs::read(PATH).unwrap();
        let btf = Btf::parse(&bytes).unwrap();
        let slim = table(&btf).unwrap();
        let whole = AyaBtf::from_sys_fs().unwrap();
        for (name, kind) in [
            ("tcp_connect", BtfKind::Func),
            ("bpf_iter_task_file", BtfKind::Func),
            ("btf_trace_inet_sock_set_state", BtfKind::Typedef),
            ("btf_trace_tcp_destroy_sock", BtfKind::Typedef),
        ] {
            let number = slim.id_by_type_name_kind(name, kind).unwrap();
            assert_eq!(
                number,
                whole.id_by_type_name_kind(name, kind).unwrap(),
                "{name}"
            );
        }
        assert!(
            slim.id_by_type_name_kind("vfs_read", BtfKind::Func)
                .is_err()
        );
    }
}
