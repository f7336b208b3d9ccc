//! What an iterator writes: one row after the other (`struct seq_file`).

use aya_ebpf::bindings::seq_file;
use aya_ebpf::helpers::generated::bpf_seq_write;

/// `struct bpf_iter_meta`.
#[repr(C)]
pub(super) struct Meta {
    pub(super) seq: *mut seq_file,
    session: u64,
    pub(super) number: u64,
}

/// Writes one row.
#[inline(always)]
pub(super) fn write<T>(seq: *mut seq_file, value: &T) {
    // SAFETY: the value is initialised and as long as said. When the buffer is full the kernel makes room and
    // visits the file again, so that is no loss.
    unsafe {
        bpf_seq_write(
            seq,
            core::ptr::from_ref(value).cast(),
            size_of::<T>() as u32,
        );
    }
}
