//! From addresses in files to functions, files and lines.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

use blazesym::symbolize::source::{Elf as Path, Source};
use blazesym::symbolize::{CodeInfo, Input, Reason as Unnamed, Sym, Symbolized, Symbolizer};
use object::read::elf::{CompressionHeader as _, FileHeader as _, SectionHeader as _};
use object::{Endianness, ReadCache, elf};
use rustc_hash::FxHashMap;
use rustix::fs::{MemfdFlags, memfd_create};

use super::ask;
use super::module::Elf;
use crate::process::stack::model::{Place, Reason};
use crate::process::stack::wire::{MAX_INLINED, MAX_TEXT, Names, Socket};

/// Bytes of one file's symbols that are copied at most. Beyond that its debug information is left out.
const MAX_COPY: u64 = 256 << 20;
/// Bytes of all copies together; beyond that all are forgotten.
const MAX_COPIES: u64 = 256 << 20;
/// Files that are remembered.
const MAX_FILES: usize = 32;
/// Bytes that are copied at once.
const CHUNK: u64 = 1 << 20;

/// The symbols of the files met so far.
#[derive(Default)]
pub(super) struct Symbols {
    symbolizer: Option<Symbolizer>,
    copies: FxHashMap<u64, Option<Copied>>,
    bytes: u64,
}

/// A file's symbols at the places where the file has them, with holes for its code and data. The library that reads
/// them maps them, and a copy cannot be cut.
struct Copied {
    memory: File,
    size: u64,
}

impl Symbols {
    /// What the addresses are called, in the same order.
    pub(super) fn name(
        &mut self,
        number: u64,
        addresses: &[u64],
        socket: &mut Socket,
    ) -> io::Result<Vec<Names>> {
        if !self.copies.contains_key(&number) {
            let file = ask::file(number, socket)?;
            self.add(number, Copied::of(&file).ok());
        }
        let symbolizer = self
            .symbolizer
            .get_or_insert_with(|| Symbolizer::builder().enable_inlined_fns(true).build());
        let found = self.copies.get(&number).and_then(Option::as_ref);
        let found = found.and_then(|copied| look_up(symbolizer, copied, addresses));
        Ok(found.unwrap_or_else(|| vec![vec![Err(Reason::Unreadable)]; addresses.len()]))
    }

    fn add(&mut self, number: u64, copied: Option<Copied>) {
        let size = copied.as_ref().map_or(0, |copied| copied.size);
        if self.bytes.saturating_add(size) > MAX_COPIES || self.copies.len() >= MAX_FILES {
            *self = Self::default();
        }
        self.bytes += size;
        self.copies.insert(number, copied);
    }
}

impl Copied {
    fn of(file: &File) -> io::Result<Self> {
        let cache = ReadCache::new(file);
        let elf = Elf::parse(&cache).map_err(io::Error::other)?;
        let endian = elf.endian();
        let header = elf.elf_header();
        let heads = size_of_val(elf.elf_program_headers());
        let table = elf.elf_section_table();
        let rows = table.len() * size_of::<elf::SectionHeader64<Endianness>>();
        let mut parts = vec![
            (0, size_of::<elf::FileHeader64<Endianness>>() as u64),
            (header.e_phoff(endian), heads as u64),
            (header.e_shoff(endian), rows as u64),
        ];
        let debug = |section: &elf::SectionHeader64<Endianness>| {
            let name = table.section_name(endian, section).unwrap_or_default();
            name.starts_with(b".debug") || name.starts_with(b".zdebug")
        };
        // Whoever unpacks a section believes what that says of its own size.
        let unpacked = |section: &elf::SectionHeader64<Endianness>| {
            let packed = section.compression(endian, &cache);
            packed.map_or(u64::MAX, |found| {
                found.map_or(0, |(header, _, _)| header.ch_size(endian))
            })
        };
        let wanted = table
            .iter()
            .filter(|section| is_read(section, endian) && unpacked(section) <= MAX_COPY);
        let wanted: Vec<_> = wanted.collect();
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
        let mut sizes = wanted.iter().map(|section| {
            let size = section.sh_size(endian);
            size.saturating_add(unpacked(section))
        });
        let all = sum(&mut sizes);
        let bare = wanted
            .iter()
            .filter(|section| all <= MAX_COPY || !debug(section));
        parts.extend(bare.filter_map(|section| section.file_range(endian)));
        let size = sum(&mut parts.iter().map(|(_, size)| *size));
        if size > MAX_COPY {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let memory = File::from(memfd_create("symbols", MemfdFlags::CLOEXEC)?);
        memory.set_len(file.metadata()?.len())?;
        for (start, size) in parts {
            copy(file, &memory, start, size)?;
        }
        Ok(Self { memory, size })
    }
}

/// Symbols, notes and debug information: all but what is executed or worked with.
fn is_read(section: &elf::SectionHeader64<Endianness>, endian: Endianness) -> bool {
    let kind = section.sh_type(endian);
    let is_loaded = section.sh_flags(endian) & u64::from(elf::SHF_ALLOC) != 0;
    let is_bytes = kind == elf::SHT_PROGBITS || kind == elf::SHT_NOBITS;
    !(is_loaded && is_bytes)
}

fn copy(from: &File, to: &File, start: u64, size: u64) -> io::Result<()> {
    let mut buffer = vec![0; usize::try_from(size.min(CHUNK)).unwrap_or(0)];
    let end = start.checked_add(size).ok_or(io::ErrorKind::InvalidData)?;
    let mut at = start;
    while at < end {
        let length = usize::try_from((end - at).min(CHUNK)).unwrap_or(0);
        let part = buffer.get_mut(..length).unwrap_or_default();
        from.read_exact_at(part, at)?;
        to.write_all_at(part, at)?;
        at += length as u64;
    }
    Ok(())
}

/// One entry per address.
fn look_up(symbolizer: &Symbolizer, copied: &Copied, addresses: &[u64]) -> Option<Vec<Names>> {
    let mut file = Path::new(format!("/proc/self/fd/{}", copied.memory.as_raw_fd()));
    let input = Input::VirtOffset(addresses);
    let found = symbolizer.symbolize(&Source::Elf(file.clone()), input);
    let found = found.or_else(|_no_debug_information| {
        file.debug_syms = false;
        symbolizer.symbolize(&Source::Elf(file), input)
    });
    Some(found.ok()?.iter().map(names).collect())
}

fn names(found: &Symbolized<'_>) -> Names {
    match found {
        Symbolized::Sym(symbol) => named(symbol),
        Symbolized::Unknown(Unnamed::MissingSyms) => vec![Err(Reason::NoSymbols)],
        Symbolized::Unknown(_) => vec![Err(Reason::NoSymbolHere)],
    }
}

/// The inlined functions, innermost first, then the one they are in.
fn named(symbol: &Sym<'_>) -> Names {
    let inlined = symbol.inlined.iter().rev().take(MAX_INLINED - 1);
    let inlined = inlined.map(|function| place(&function.name, function.code_info.as_ref(), true));
    let outer = place(&symbol.name, symbol.code_info.as_deref(), false);
    inlined.chain([outer]).map(Ok).collect()
}

fn place(function: &str, code: Option<&CodeInfo<'_>>, inlined: bool) -> Place {
    Place {
        function: short(function),
        file: code.map(|code| short(&code.to_path().to_string_lossy())),
        line: code.and_then(|code| code.line),
        inlined,
    }
}

/// As much of a text as a message has room for.
pub(super) fn short(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_TEXT)].into()
}
