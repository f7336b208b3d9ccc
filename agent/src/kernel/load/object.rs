//! The kernel object: the programs of `ebpf/`, compiled by the build script, inside this binary.

/// The ELF file.
pub(in crate::kernel) static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/finback-ebpf"));

/// The program that walks all descriptors, and what it iterates over.
pub(in crate::kernel) const ITERATOR: &str = "iter_task_file";
/// Its target (`bpf_iter_task_file`).
pub(in crate::kernel) const ITERATOR_TARGET: &str = "task_file";

/// The program that lists the threads of one process, and what it iterates over.
pub(in crate::kernel) const THREADS: &str = "iter_task";
/// Its target (`bpf_iter_task`).
pub(in crate::kernel) const THREADS_TARGET: &str = "task";

/// Ring of aya-log.
pub(in crate::kernel) const LOG_RING: &str = "AYA_LOGS";
