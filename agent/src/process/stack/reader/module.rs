//! Programs' files: what unwinding needs of them. Read, never mapped: a mapped file that is cut kills its reader.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, ReadCache};
use rustc_hash::FxHashMap;

/// An ELF file of this machine, read through the file itself.
pub(super) type Elf<'data, 'file> = ElfFile64<'data, Endianness, &'data ReadCache<&'file File>>;

/// What is known of an ELF file.
pub(super) struct Module {
    pub(super) build_id: Option<Vec<u8>>,
    /// Made by the Go compiler: assembler functions have no frame, all others have a frame pointer.
    pub(super) is_go: bool,
    segments: Vec<Segment>,
    sections: FxHashMap<&'static str, Section>,
}

/// An executable `PT_LOAD`: bytes of the file and the addresses they get.
struct Segment {
    file: Range<u64>,
    address: u64,
}

struct Section {
    addresses: Range<u64>,
    bytes: Arc<[u8]>,
}

/// Sections that unwinding reads.
const READ: [&str; 2] = [".eh_frame", ".eh_frame_hdr"];
/// Sections whose address is all that it needs.
const PLACED: [&str; 2] = [".text", ".got"];
/// Longest section that is read, bytes. A browser's takes a third.
const MAX_SECTION: u64 = 64 << 20;

impl Module {
    /// Reads an open file.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let cache = ReadCache::new(file);
        let elf = Elf::parse(&cache).map_err(io::Error::other)?;
        let endian = elf.endian();
        let segments = elf.elf_program_headers().iter();
        let segments = segments
            .filter(|header| {
                // Segments need not begin at a page, so that two can share one: only this kind holds code.
                header.p_type(endian) == object::elf::PT_LOAD
                    && header.p_flags(endian) & object::elf::PF_X != 0
            })
            .map(|header| {
                let start = header.p_offset(endian);
                Segment {
                    file: start..start.saturating_add(header.p_filesz(endian)),
                    address: header.p_vaddr(endian),
                }
            });
        Ok(Self {
            build_id: elf.build_id().ok().flatten().map(<[u8]>::to_vec),
            is_go: elf.section_by_name(".gopclntab").is_some()
                || elf.section_by_name(".data.rel.ro.gopclntab").is_some(),
            segments: segments.collect(),
            sections: sections(&elf),
        })
    }

    /// The address of a byte of code, as the file itself counts.
    pub(super) fn address(&self, offset: u64) -> Option<u64> {
        let segment = self
            .segments
            .iter()
            .find(|segment| segment.file.contains(&offset))?;
        segment.address.checked_add(offset - segment.file.start)
    }

    /// For the unwinder.
    pub(super) fn unwind_sections(&self) -> framehop::ExplicitModuleSectionInfo<Arc<[u8]>> {
        let addresses = |name| Some(self.sections.get(name)?.addresses.clone());
        let bytes = |name| Some(Arc::clone(&self.sections.get(name)?.bytes));
        framehop::ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: addresses(".text"),
            got_svma: addresses(".got"),
            eh_frame_svma: addresses(".eh_frame"),
            eh_frame: bytes(".eh_frame"),
            eh_frame_hdr_svma: addresses(".eh_frame_hdr"),
            eh_frame_hdr: bytes(".eh_frame_hdr"),
            text: None,
            stubs_svma: None,
            stub_helper_svma: None,
            unwind_info: None,
            debug_frame: None,
            text_segment_svma: None,
            text_segment: None,
        }
    }

    /// Whether frames in it can be unwound by more than frame pointers.
    pub(super) fn has_unwind_information(&self) -> bool {
        self.sections.contains_key(".eh_frame")
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        READ.iter()
            .filter_map(|name| self.sections.get(name))
            .map(|section| section.bytes.len())
            .sum()
    }
}

fn sections(elf: &Elf<'_, '_>) -> FxHashMap<&'static str, Section> {
    let found = PLACED.iter().chain(&READ).filter_map(|name| {
        let section = elf.section_by_name(name)?;
        let addresses = section.address()..section.address().checked_add(section.size())?;
        let bytes = if !READ.contains(name) {
            Arc::default()
        } else if section.size() <= MAX_SECTION {
            // A section cut off by the end of the file is none.
            section.data().ok()?.into()
        } else {
            return None;
        };
        Some((*name, Section { addresses, bytes }))
    });
    found.collect()
}
