//! A segment: a file with a head and a row of frames. Its name is its number; later ones have higher numbers.

use std::mem::size_of;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Version of the segments that are written, and the latest that can be read.
pub(super) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"finbackH";

/// Length of the head.
pub(super) const HEAD: usize = size_of::<Head>();

/// How a segment begins.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Head {
    magic: [u8; 8],
    version: U32,
    /// CRC-32 of all that follows in the head.
    check: U32,
    before: U64,
}

impl Head {
    /// `before`: no line of an earlier segment is later than that, nanoseconds since 1970.
    pub(super) fn new(before: u64) -> Self {
        let mut head = Self {
            magic: MAGIC,
            version: VERSION.into(),
            check: U32::ZERO,
            before: before.into(),
        };
        head.check = head.sum().into();
        head
    }

    fn sum(&self) -> u32 {
        crc32fast::hash(&self.as_bytes()[16..])
    }

    /// The moment that no line of an earlier segment is later than.
    pub(super) const fn before(&self) -> u64 {
        self.before.get()
    }
}

/// What the first bytes of a segment say.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// It can be read.
    Known(Head),
    /// It was begun and ends in its head.
    Empty,
    /// A later version of finback has written it.
    Newer(u32),
    /// It does not begin as a segment does.
    Damaged,
}

/// Reads the head.
pub(super) fn begin(bytes: &[u8]) -> Begin {
    let Ok((head, _)) = Head::read_from_prefix(bytes) else {
        let begun = Head::new(0);
        let so_far = bytes.len().min(MAGIC.len());
        return if bytes[..so_far] == begun.as_bytes()[..so_far] {
            Begin::Empty
        } else {
            Begin::Damaged
        };
    };
    match head.version.get() {
        _ if head.magic != MAGIC => Begin::Damaged,
        newer if newer > VERSION => Begin::Newer(newer),
        _ if head.check.get() != head.sum() => Begin::Damaged,
        _ => Begin::Known(head),
    }
}

const EXTENSION: &str = ".history";

pub(super) fn name(number: u64) -> String {
    format!("{number:020}{EXTENSION}")
}

/// The number in a segment's name; `None` for another file.
pub(super) fn number(name: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(name).ok()?.strip_suffix(EXTENSION)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers_in_order() {
        assert_eq!(number(name(7).as_bytes()), Some(7));
        assert!(name(9) < name(10));
        for other in ["lock", "7.history", "+0000000000000000007.history", "x"] {
            assert_eq!(number(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_later_version_is_known_as_such_whatever_else_it_has() {
        let mut head = Head::new(3);
        assert!(matches!(begin(head.as_bytes()), Begin::Known(head) if head.before() == 3));
        head.version = U32::new(VERSION + 1);
        head.before = U64::new(9);
        assert!(matches!(begin(head.as_bytes()), Begin::Newer(2)));
        head.version = U32::new(VERSION);
        assert!(matches!(begin(head.as_bytes()), Begin::Damaged));
    }
}
