//! Doors for what feeds the kernel's side with anything: see [`crate::fuzzing`].

use zerocopy::IntoBytes as _;

use super::btf::offsets::{LOOK, Resolved, needs, registers};
use super::btf::{Btf, subset};
use super::load::runs;
use super::record::decode::Decoder;
use super::{cgroup, netns, snapshot};
use finback_common::hook::Signal;

pub(crate) use netns::fuzzing::sock_diag;
pub(crate) use snapshot::fuzzing::iterator_rows;

/// A record of the ring says the same wherever it lies, and counts if it makes no sense.
pub(crate) fn ring_record(bytes: &[u8]) {
    let mut decoder = Decoder::default();
    let shifted = [&[0], bytes].concat();
    let found = decoder.decode(&shifted[1..]);
    assert_eq!(decoder.malformed(), u64::from(found.is_none()));
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    let aligned = &mut words.as_mut_bytes()[..bytes.len()];
    aligned.copy_from_slice(bytes);
    assert_eq!(decoder.decode(aligned), found);
    if let Some(stack) = decoder.stack(aligned) {
        assert!(stack.bytes.len() < bytes.len());
    }
}

/// Types of a kernel that is not this one.
pub(crate) fn btf(bytes: &[u8]) {
    let Ok(btf) = Btf::parse(bytes) else {
        return;
    };
    assert!(btf.len() <= bytes.len() / 12);
    let resolved = Resolved::new(&btf);
    resolved.lesser_lacks().for_each(drop);
    resolved.lack(LOOK);
    for signal in Signal::ALL {
        resolved.lack(needs(*signal));
    }
    registers(&btf, &resolved);
    drop(subset::table(&btf));
}

/// Files of `/proc` that this side reads.
pub(crate) fn proc_files(bytes: &[u8], text: &str) {
    snapshot::fuzzing::proc_files(bytes, text);
    netns::fuzzing::local_ports(text);
    let mounts = text.lines().filter_map(cgroup::cgroup2);
    let group = cgroup::unified(text).unwrap_or("/a");
    mounts.for_each(|mount| drop(mount.directory(group)));
    runs::field(text, "run_cnt:");
}
