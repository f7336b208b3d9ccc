//! User stacks as the kernel hands them over: registers and bytes, not yet unwound.

use std::fs::File;
use std::io::{self, Read as _};

use aya::maps::{Array, MapData};
use aya::programs::{Iter, ProgramError};
use aya::{Btf as AyaBtf, Ebpf};
use finback_common::map;
use finback_common::record::{Registers, STACK_HEAD_BYTES, StackRecord};
use finback_common::row::ThreadRow;
use zerocopy::FromBytes as _;

use super::attach::reason;
use super::btf::Btf;
use super::decode::key;
use super::error::KernelError;
use super::object::{THREADS, THREADS_TARGET};
use super::report::StackReport;
use crate::core::socket::{ProcessId, SocketKey};
use crate::core::time::Timestamp;

/// Size of a kernel stack where the types do not tell (`THREAD_SIZE` of `arch/x86/include/asm/page_64_types.h`).
const KERNEL_STACK_BYTES: u32 = 16 << 10;

/// Where a thread's registers lie above the start of its kernel stack; `None` where that is not known.
pub(super) fn registers(btf: &Btf<'_>) -> Option<u32> {
    btf.member_offset("task_struct", "stack").ok()?;
    let stack = btf.size("thread_union").unwrap_or(KERNEL_STACK_BYTES);
    stack.checked_sub(btf.size("pt_regs")?)
}

/// Where a thread was when it opened a socket.
#[derive(Clone, Debug)]
pub struct RawStack {
    /// The connection.
    pub key: SocketKey,
    /// When.
    pub time: Timestamp,
    /// The process.
    pub process: ProcessId,
    /// Changes with every exec of the process.
    pub exec_id: u32,
    /// The thread.
    pub thread: u32,
    /// Its name.
    pub thread_name: Box<str>,
    /// One of [`finback_common::entry::source`].
    pub source: u8,
    /// What it starts from.
    pub registers: Registers,
    /// What lay on the stack from `sp` on.
    pub bytes: Box<[u8]>,
}

impl RawStack {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (record, _) = StackRecord::ref_from_prefix(bytes).ok()?;
        let data = bytes.get(STACK_HEAD_BYTES..)?;
        Some(Self {
            key: key(&record.header),
            time: Timestamp::from_nanos(record.header.time_ns),
            process: ProcessId {
                pid: record.pid,
                start: Timestamp::from_nanos(record.start_ns),
            },
            exec_id: record.exec_id,
            thread: record.tid,
            thread_name: super::intern::text(&record.comm),
            source: record.source,
            registers: record.registers,
            bytes: data.get(..usize::from(record.length))?.into(),
        })
    }
}

/// Loads the iterator that lists threads.
pub(super) fn load(object: &mut Ebpf, types: &AyaBtf) -> Result<(), String> {
    let program = object
        .program_mut(THREADS)
        .ok_or_else(|| format!("the object has no program {THREADS}"))?;
    <&mut Iter>::try_from(program)
        .and_then(|program| program.load(THREADS_TARGET, types))
        .map_err(|error| reason(&error))
}

/// Lists the threads of one process through `iter/task`.
pub(super) struct Threads {
    wanted: Array<MapData, u32>,
}

impl Threads {
    /// `None` if the iterator was not loaded.
    pub(super) fn take(
        object: &mut Ebpf,
        report: &StackReport,
    ) -> Result<Option<Self>, KernelError> {
        if *report != StackReport::Full {
            return Ok(None);
        }
        let name = map::WANTED;
        let map = object.take_map(name).ok_or(KernelError::Object(name))?;
        let wanted = Array::try_from(map).map_err(|error| KernelError::map(name, error))?;
        Ok(Some(Self { wanted }))
    }

    pub(super) fn list(&mut self, object: &mut Ebpf, pid: u32) -> io::Result<Vec<ThreadRow>> {
        self.wanted.set(0, pid, 0).map_err(io::Error::other)?;
        let file = open(object).map_err(io::Error::other)?;
        let bytes = read(file)?;
        let rows = bytes.chunks_exact(size_of::<ThreadRow>());
        Ok(rows
            .filter_map(|row| ThreadRow::read_from_bytes(row).ok())
            .collect())
    }
}

fn open(object: &mut Ebpf) -> Result<File, ProgramError> {
    let program = object.program_mut(THREADS).ok_or(ProgramError::NotLoaded)?;
    let program: &mut Iter = program.try_into()?;
    let link = program.attach()?;
    let link = program.take_link(link)?;
    link.into_file()
        .map_err(|error| ProgramError::IOError(io::Error::other(error)))
}

fn read(mut file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match file.read_to_end(&mut bytes) {
            Ok(_) => return Ok(bytes),
            // A million threads without a row: the kernel wants to be asked again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
