//! A reader for the kernel's own type information (`/sys/kernel/btf/vmlinux`).
//!
//! It answers four questions: where a member lies in its struct and how large it is, how large a struct is, whether a
//! function or a tracepoint exists, and which type number it has. Format: `Documentation/bpf/btf.rst` and
//! `include/uapi/linux/btf.h`. No input makes it panic.

mod error;
pub mod offsets;
pub mod subset;

use rustc_hash::FxHashMap;

pub use self::error::BtfError;

/// Where the kernel shows its types.
pub const PATH: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const HEADER_BYTES: usize = 24;
/// `struct btf_type`: name, info, size or type.
const TYPE_BYTES: usize = 12;
/// `struct btf_member`: name, type, offset.
const MEMBER_BYTES: usize = 12;
/// Typedefs, qualifiers and unnamed members nest only a few levels; a cycle must end.
const MAX_DEPTH: usize = 32;
/// Members that are looked at for one name, and levels of unnamed ones with it: the largest struct has some hundred.
const MAX_MEMBERS: usize = 1 << 12;
/// Longest name, bytes (`KSYM_NAME_LEN`).
const MAX_NAME: usize = 512;

/// Values of `BTF_INFO_KIND`.
mod kind {
    pub(super) const INT: u8 = 1;
    pub(super) const POINTER: u8 = 2;
    pub(super) const ARRAY: u8 = 3;
    pub(super) const STRUCT: u8 = 4;
    pub(super) const UNION: u8 = 5;
    pub(super) const ENUM: u8 = 6;
    pub(super) const TYPEDEF: u8 = 8;
    pub(super) const VOLATILE: u8 = 9;
    pub(super) const CONST: u8 = 10;
    pub(super) const RESTRICT: u8 = 11;
    pub(super) const FUNC: u8 = 12;
    pub(super) const FUNC_PROTO: u8 = 13;
    pub(super) const VAR: u8 = 14;
    pub(super) const DATASEC: u8 = 15;
    pub(super) const DECL_TAG: u8 = 17;
    pub(super) const TYPE_TAG: u8 = 18;
    pub(super) const ENUM64: u8 = 19;
    /// Kinds without anything after `struct btf_type`: pointer, forward, typedef, qualifiers, function, float, tag.
    pub(super) const PLAIN: [u8; 9] = [
        POINTER, 7, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, 16, TYPE_TAG,
    ];
}

/// The types of one kernel.
#[derive(Debug)]
pub struct Btf<'a> {
    table: &'a [u8],
    strings: &'a [u8],
    /// Position of type `id` at index `id - 1`.
    positions: Vec<u32>,
    structs: FxHashMap<&'a [u8], u32>,
    functions: FxHashMap<&'a [u8], u32>,
    tracepoints: FxHashMap<&'a [u8], u32>,
}

/// One `struct btf_type`.
#[derive(Clone, Copy)]
struct Type {
    at: usize,
    name: u32,
    kind: u8,
    /// `BTF_INFO_VLEN`: members, arguments, …
    count: usize,
    /// `BTF_INFO_KFLAG`: member offsets carry the size of a bit field.
    flag: bool,
    /// Size, or number of the type referred to.
    size_or_reference: u32,
}

impl<'a> Btf<'a> {
    /// Reads the whole type table once and remembers where everything is.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let malformed = || BtfError::Malformed(0);
        if u16_at(bytes, 0).ok_or_else(malformed)? != MAGIC || bytes.get(2) != Some(&1) {
            return Err(BtfError::Format);
        }
        let word = |at| {
            u32_at(bytes, at)
                .map(|word| word as usize)
                .ok_or_else(malformed)
        };
        let header = word(4)?;
        if header < HEADER_BYTES {
            return Err(malformed());
        }
        let section = |offset: usize, length: usize| {
            let start = header.checked_add(offset)?;
            bytes.get(start..start.checked_add(length)?)
        };
        let types = section(word(8)?, word(12)?).ok_or_else(malformed)?;
        let strings = section(word(16)?, word(20)?).ok_or_else(malformed)?;
        let mut btf = Self {
            table: types,
            strings,
            positions: Vec::with_capacity(types.len() / 32),
            structs: FxHashMap::default(),
            functions: FxHashMap::default(),
            tracepoints: FxHashMap::default(),
        };
        btf.index()?;
        Ok(btf)
    }

    fn index(&mut self) -> Result<(), BtfError> {
        let mut at = 0;
        while at < self.table.len() {
            let malformed = BtfError::Malformed(at);
            let position = u32::try_from(at).ok();
            let (Some(position), Some(ty)) = (position, self.type_at(at)) else {
                return Err(malformed);
            };
            // A kind from the future has an unknown length: what stands behind it cannot be found.
            let Some(length) = ty.length() else {
                return Ok(());
            };
            if length > self.table.len() - at {
                return Err(malformed);
            }
            self.positions.push(position);
            self.name_type(ty);
            at += length;
        }
        Ok(())
    }

    fn name_type(&mut self, ty: Type) {
        let Ok(id) = u32::try_from(self.positions.len()) else {
            return;
        };
        let names = match ty.kind {
            kind::STRUCT | kind::UNION => &mut self.structs,
            kind::FUNC => &mut self.functions,
            kind::TYPEDEF => &mut self.tracepoints,
            _ => return,
        };
        let Some(name) = string(self.strings, ty.name).filter(|name| !name.is_empty()) else {
            return;
        };
        let name = if ty.kind == kind::TYPEDEF {
            match name.strip_prefix(b"btf_trace_") {
                Some(tracepoint) => tracepoint,
                None => return,
            }
        } else {
            name
        };
        names.entry(name).or_insert(id);
    }

    /// Number of types, `void` (0) not counted.
    pub const fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Type number of a function.
    pub fn function(&self, name: &str) -> Option<u32> {
        self.functions.get(name.as_bytes()).copied()
    }

    /// Type number of a tracepoint's typedef (`btf_trace_<name>`).
    pub fn tracepoint(&self, name: &str) -> Option<u32> {
        self.tracepoints.get(name.as_bytes()).copied()
    }

    /// Bytes a struct or union takes.
    pub fn size(&self, name: &str) -> Option<u32> {
        let ty = self.type_by_id(*self.structs.get(name.as_bytes())?)?;
        Some(ty.size_or_reference)
    }

    /// Bytes from the start of `struct strukt` to the member at `path` (`a.b.c`), of which `wanted` bytes are to be
    /// read (0: none); unnamed structs and unions on the way need not be mentioned.
    pub fn member_offset(&self, strukt: &str, path: &str, wanted: u32) -> Result<u32, BtfError> {
        let owned = || (strukt.to_owned(), path.to_owned());
        let none = || {
            let (strukt, path) = owned();
            BtfError::NoMember { strukt, path }
        };
        let id = self.structs.get(strukt.as_bytes()).copied();
        let mut id = id.ok_or_else(|| BtfError::NoStruct(strukt.to_owned()))?;
        let mut bits = 0_u32;
        for name in path.split('.') {
            let mut left = MAX_MEMBERS;
            let member = self.member(id, name.as_bytes(), &mut left);
            let member = member.ok_or_else(none)?;
            if member.is_bit_field {
                let (strukt, path) = owned();
                return Err(BtfError::BitField { strukt, path });
            }
            bits = bits.checked_add(member.bits).ok_or_else(none)?;
            id = member.type_id;
        }
        let bytes = self.bytes(id, 0).ok_or_else(none)?;
        if wanted > bytes || (cfg!(target_endian = "big") && wanted != 0 && wanted != bytes) {
            let (strukt, path) = owned();
            return Err(BtfError::Size {
                strukt,
                path,
                bytes,
                wanted,
            });
        }
        Ok(bits / 8)
    }

    /// Bytes a value of this type takes.
    fn bytes(&self, id: u32, depth: usize) -> Option<u32> {
        let ty = self.resolve(id)?;
        match ty.kind {
            kind::POINTER => Some(u32::try_from(size_of::<u64>()).unwrap_or(0)),
            kind::ARRAY if depth < MAX_DEPTH => {
                let element = u32_at(self.table, ty.at + TYPE_BYTES)?;
                let count = u32_at(self.table, ty.at + TYPE_BYTES + 8)?;
                self.bytes(element, depth + 1)?.checked_mul(count)
            }
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 => {
                Some(ty.size_or_reference)
            }
            _ => None,
        }
    }

    /// Looks at no more than `left` members: an unnamed one of itself would make them twice as many at each level.
    fn member(&self, type_id: u32, name: &[u8], left: &mut usize) -> Option<Member> {
        let ty = self.resolve(type_id)?;
        if !matches!(ty.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        (0..ty.count).find_map(|index| {
            *left = left.checked_sub(1)?;
            let at = ty.at + TYPE_BYTES + index * MEMBER_BYTES;
            let name_at = u32_at(self.table, at)?;
            let member = Member::new(
                u32_at(self.table, at + 4)?,
                u32_at(self.table, at + 8)?,
                ty.flag,
            );
            if is_string(self.strings, name_at, name) {
                return Some(member);
            }
            if !is_string(self.strings, name_at, b"") {
                return None;
            }
            let inner = self.member(member.type_id, name, left)?;
            Some(Member {
                bits: inner.bits.checked_add(member.bits)?,
                ..inner
            })
        })
    }

    /// Looks through typedefs and qualifiers.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let ty = self.type_by_id(id)?;
            match ty.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = ty.size_or_reference;
                }
                _ => return Some(ty),
            }
        }
        None
    }

    fn type_by_id(&self, id: u32) -> Option<Type> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.type_at(*self.positions.get(index)? as usize)
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        let info = u32_at(self.table, at + 4)?;
        Some(Type {
            at,
            name: u32_at(self.table, at)?,
            kind: (info >> 24 & 0x1f) as u8,
            count: (info & 0xffff) as usize,
            flag: info >> 31 == 1,
            size_or_reference: u32_at(self.table, at + 8)?,
        })
    }
}

impl Type {
    /// Bytes it takes in the table, `None` for a kind this reader does not know.
    fn length(&self) -> Option<usize> {
        let tail = match self.kind {
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION => MEMBER_BYTES * self.count,
            kind::ENUM | kind::FUNC_PROTO => 8 * self.count,
            kind::DATASEC | kind::ENUM64 => 12 * self.count,
            plain if kind::PLAIN.contains(&plain) => 0,
            _ => return None,
        };
        Some(TYPE_BYTES + tail)
    }
}

struct Member {
    type_id: u32,
    bits: u32,
    is_bit_field: bool,
}

impl Member {
    const fn new(type_id: u32, offset: u32, flag: bool) -> Self {
        // With the flag the upper 8 bits are the size of a bit field (0: not one).
        let (size, bits) = if flag {
            (offset >> 24, offset & 0x00ff_ffff)
        } else {
            (0, offset)
        };
        Self {
            type_id,
            bits,
            is_bit_field: size != 0 || !bits.is_multiple_of(8),
        }
    }
}

fn string(strings: &[u8], offset: u32) -> Option<&[u8]> {
    let rest = strings.get(offset as usize..)?;
    let end = rest.iter().take(MAX_NAME).position(|byte| *byte == 0)?;
    Some(&rest[..end])
}

/// Whether this string is there; the one that is may be of any length.
fn is_string(strings: &[u8], offset: u32, expected: &[u8]) -> bool {
    let rest = strings.get(offset as usize..).unwrap_or_default();
    let rest = rest.strip_prefix(expected);
    rest.is_some_and(|rest| rest.first() == Some(&0))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
