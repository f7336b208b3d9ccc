//! Reads what the iterator `iter/task_file` writes.

use std::io::{self, Read};

use finback_common::row::{HolderRow, StartRow, WaitRow, kind};
use zerocopy::FromBytes;

/// The kernel hands out at most eight pages per read (`bpf_seq_read`).
const READ_BYTES: usize = 64 << 10;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The beginning.
    Start(StartRow),
    /// A descriptor.
    Holder(HolderRow),
    /// Somebody who waits for a half-closed socket.
    Wait(WaitRow),
}

/// Calls `visit` for every row, to the end of the walk.
pub(super) fn read(mut file: impl Read, mut visit: impl FnMut(&Row)) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    let mut filled = 0;
    loop {
        let read = match file.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(()),
            Ok(0) => return Err(malformed()),
            Ok(read) => read,
            // A million descriptors without a row: the kernel wants to be asked again.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        filled += read;
        let used = parse(&buffer[..filled], &mut visit)?;
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
}

/// Takes the complete rows off the front and tells how many bytes they were.
fn parse(bytes: &[u8], visit: &mut impl FnMut(&Row)) -> io::Result<usize> {
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        let taken = match *first {
            kind::START => take(&mut rest, Row::Start),
            kind::HOLDER => take(&mut rest, Row::Holder),
            kind::WAIT => take(&mut rest, Row::Wait),
            _ => return Err(malformed()),
        };
        let Some(row) = taken else {
            break;
        };
        visit(&row);
    }
    Ok(bytes.len() - rest.len())
}

/// Takes one row off the front, if it is there whole.
fn take<R: FromBytes>(bytes: &mut &[u8], row: impl FnOnce(R) -> Row) -> Option<Row> {
    let (taken, rest) = R::read_from_prefix(bytes).ok()?;
    *bytes = rest;
    Some(row(taken))
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a row of the iterator makes no sense",
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use zerocopy::IntoBytes as _;

    use super::*;

    fn rows() -> (Vec<Row>, Vec<u8>) {
        let holder = HolderRow {
            kind: kind::HOLDER,
            pid: 3,
            fd: 4,
            ..HolderRow::default()
        };
        let wait = WaitRow {
            kind: kind::WAIT,
            sock: 5,
            ..WaitRow::default()
        };
        let mut bytes = Vec::new();
        let mut rows = Vec::new();
        for _ in 0..1_000 {
            bytes.extend_from_slice(holder.as_bytes());
            bytes.extend_from_slice(wait.as_bytes());
            rows.extend([Row::Holder(holder), Row::Wait(wait)]);
        }
        (rows, bytes)
    }

    fn read_back(bytes: &[u8]) -> io::Result<Vec<Row>> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.rewind()?;
        let mut rows = Vec::new();
        read(file, |row| rows.push(*row))?;
        Ok(rows)
    }

    #[test]
    fn rows_longer_than_one_read_come_out_whole() {
        let (rows, bytes) = rows();
        assert!(bytes.len() > READ_BYTES);
        assert_eq!(read_back(&bytes).unwrap(), rows);
        assert_eq!(read_back(&[]).unwrap(), []);
    }

    #[test]
    fn a_cut_or_unknown_row_is_an_error() {
        let (_, bytes) = rows();
        assert!(read_back(&bytes[..bytes.len() - 1]).is_err());
        assert!(read_back(&[9; 300]).is_err());
    }
}
