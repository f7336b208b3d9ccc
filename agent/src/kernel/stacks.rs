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
use finback_core::model::socket::{ProcessId, SocketKey};
use finback_core::model::time::Timestamp;

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

#[cfg(test)]
mod tests {
    use finback_common::entry::source;
    use finback_common::record::{RecordHeader, STACK_PART_BYTES, STACK_PARTS, kind};
    use zerocopy::IntoBytes as _;

    use super::*;
    use crate::kernel::btf;
    use crate::kernel::decode::Decoder;

    fn record(length: u16) -> StackRecord {
        let mut data = [[0; STACK_PART_BYTES]; STACK_PARTS];
        data[0][0] = 0xaa;
        data[1][0] = 0xbb;
        StackRecord {
            header: RecordHeader {
                kind: kind::STACK,
                hook: 0,
                reserved: 0,
                cpu: 0,
                time_ns: 9,
                sock: 0xffff_8880_0000_1000,
                birth_ns: 8,
            },
            pid: 7,
            tid: 70,
            start_ns: 6,
            comm: *b"worker\0\0\0\0\0\0\0\0\0\0",
            registers: Registers {
                ip: 1,
                sp: 2,
                fp: 3,
                lr: 4,
            },
            exec_id: 5,
            source: source::ACCEPT,
            reserved: 0,
            length,
            data,
        }
    }

    #[test]
    fn a_record_gives_as_many_bytes_as_were_read() {
        let stack = RawStack::read(record(1024).as_bytes()).unwrap();
        assert_eq!((stack.bytes.len(), stack.bytes[0]), (1024, 0xaa));
        assert_eq!(
            (stack.process.pid, stack.thread, &*stack.thread_name),
            (7, 70, "worker")
        );
        assert_eq!(
            (stack.registers.ip, stack.registers.lr, stack.exec_id),
            (1, 4, 5)
        );
        assert_eq!(stack.key.birth, Timestamp::from_nanos(8));
        let more = RawStack::read(record(2048).as_bytes()).unwrap();
        assert_eq!(more.bytes[1024], 0xbb);
    }

    #[test]
    fn a_record_that_makes_no_sense_is_counted() {
        let mut decoder = Decoder::default();
        let record = record(u16::MAX);
        assert!(decoder.stack(record.as_bytes()).is_none());
        assert!(decoder.stack(&record.as_bytes()[..200]).is_none());
        assert_eq!(decoder.malformed(), 2);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn registers_lie_at_the_end_of_the_kernel_stack() {
        let bytes = std::fs::read(btf::PATH).unwrap();
        let found = registers(&Btf::parse(&bytes).unwrap()).unwrap();
        // `struct pt_regs` has 21 registers; the size of the stack is a power of two.
        assert!((found + 21 * 8).is_power_of_two(), "{found}");
    }
}
