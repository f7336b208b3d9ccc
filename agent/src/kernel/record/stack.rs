//! User stacks as the kernel hands them over: registers and bytes, not yet unwound.

use finback_common::record::{Registers, STACK_HEAD_BYTES, StackRecord};
use zerocopy::FromBytes as _;

use crate::kernel::processes::text;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Where a thread was when it opened a socket.
#[derive(Clone, Debug)]
pub struct RawStack {
    /// Address of the kernel's socket.
    pub sock: u64,
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
    /// One of [`finback_common::socket::source`].
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
            sock: record.header.sock,
            time: Timestamp::from_nanos(record.header.time_ns),
            process: ProcessId {
                pid: record.pid,
                start: Timestamp::from_nanos(record.start_ns),
            },
            exec_id: record.exec_id,
            thread: record.tid,
            thread_name: text(&record.comm),
            source: record.source,
            registers: record.registers,
            bytes: data.get(..usize::from(record.length))?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use finback_common::record::{RecordHeader, STACK_PART_BYTES, STACK_PARTS, kind};
    use finback_common::socket::source;
    use zerocopy::IntoBytes as _;

    use super::*;
    use crate::kernel::record::decode::Decoder;

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
}
