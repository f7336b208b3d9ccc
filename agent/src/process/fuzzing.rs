//! Doors for what feeds this with anything: see [`crate::fuzzing`].

use procfs::net::TcpNetEntries;
use procfs::process::FDTarget;
use procfs::{FromBufReadSI as _, current_system_info};

use super::stat::Stat;
use super::status::Status;
use super::{command_line, descriptors, stack, workload};

pub(crate) use stack::fuzzing::{hostile_reader, program};
pub(crate) use workload::fuzzing::engine_files;

/// Files and links of a process.
pub(crate) fn proc_files(bytes: &[u8], text: &str) {
    if let Some(stat) = Stat::parse(text) {
        assert!(stat.name.len() < text.len());
    }
    let status = Status::of(text);
    status.users();
    status.innermost();
    status.switches();
    let words = command_line::split(text);
    assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
    descriptors::limit(text);
    workload::fuzzing::groups(text);
    stack::fuzzing::proc_files(text);
    // Not ours: what comes of them is an error or a value.
    drop(text.parse::<FDTarget>());
    drop(TcpNetEntries::from_buf_read(bytes, current_system_info()));
}
