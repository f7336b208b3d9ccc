//! Files that processes have mapped: kept open, so that a process that has ended, a deleted file or one in another
//! container can still be read, and shared by all processes.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use memmap2::Mmap;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSection as _};
use rustc_hash::FxHashMap;

/// A file's name for as long as it is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// An ELF file.
pub(super) struct Module {
    /// What its names are remembered under: the build id, else the file.
    pub(super) identity: Identity,
    /// Path as the process has it.
    pub(super) path: Arc<str>,
    /// Build id in hexadecimal.
    pub(super) build_id: Option<Arc<str>>,
    /// Made by the Go compiler: assembler functions have no frame, all others have a frame pointer.
    pub(super) is_go: bool,
    segments: Vec<Segment>,
    sections: FxHashMap<&'static str, Section>,
    file: File,
}

/// Two files with the same build id are one program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    Build(Arc<str>),
    File(FileId),
}

/// An executable `PT_LOAD`: bytes of the file and the addresses they get.
#[derive(Clone, Debug)]
struct Segment {
    file: Range<u64>,
    address: u64,
}

#[derive(Clone)]
struct Section {
    addresses: Range<u64>,
    bytes: Bytes,
}

/// A part of the mapped file.
#[derive(Clone)]
pub(super) struct Bytes {
    map: Arc<Mmap>,
    range: Range<usize>,
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.get(self.range.clone()).unwrap_or_default()
    }
}

/// What unwinding needs.
const SECTIONS: [&str; 4] = [".text", ".got", ".eh_frame", ".eh_frame_hdr"];

impl Module {
    fn open(file: File, id: FileId, path: &str) -> io::Result<Self> {
        // SAFETY: a program's file can be cut while it is mapped, as it can in every process that runs it; the kernel
        // refuses to write to one that is executed, and package managers replace files instead of writing to them.
        let map = Arc::new(unsafe { Mmap::map(&file) }?);
        let elf = ElfFile64::<Endianness>::parse(&**map).map_err(io::Error::other)?;
        let build_id = elf.build_id().ok().flatten().map(hexadecimal);
        let segments = elf.elf_program_headers().iter();
        let endian = elf.endian();
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
            identity: build_id.clone().map_or(Identity::File(id), Identity::Build),
            path: path.into(),
            build_id,
            is_go: elf.section_by_name(".gopclntab").is_some()
                || elf.section_by_name(".data.rel.ro.gopclntab").is_some(),
            segments: segments.collect(),
            sections: sections(&elf, &map),
            file,
        })
    }

    /// The address of a byte of code, as the file itself counts.
    pub(super) fn address(&self, offset: u64) -> Option<u64> {
        let segment = self
            .segments
            .iter()
            .find(|segment| segment.file.contains(&offset))?;
        Some(segment.address + (offset - segment.file.start))
    }

    /// A path under which this very file can be opened, for as long as it is kept.
    pub(super) fn open_path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// For the unwinder.
    pub(super) fn unwind_sections(&self) -> framehop::ExplicitModuleSectionInfo<Bytes> {
        let addresses = |name| Some(self.sections.get(name)?.addresses.clone());
        let bytes = |name| Some(self.sections.get(name)?.bytes.clone());
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
}

fn sections(elf: &ElfFile64<'_, Endianness>, map: &Arc<Mmap>) -> FxHashMap<&'static str, Section> {
    let found = SECTIONS.iter().filter_map(|name| {
        let section = elf.section_by_name(name)?;
        let (offset, size) = section.file_range()?;
        let start = usize::try_from(offset).ok()?;
        let range = start..start.checked_add(usize::try_from(size).ok()?)?;
        // A section cut off by the end of the file is none.
        map.get(range.clone())?;
        let bytes = Bytes {
            map: Arc::clone(map),
            range,
        };
        let addresses = section.address()..section.address().checked_add(section.size())?;
        Some((*name, Section { addresses, bytes }))
    });
    found.collect()
}

fn hexadecimal(bytes: &[u8]) -> Arc<str> {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat().into()
}

/// Files kept open at most; beyond that, those that no kept stack refers to are closed.
const MAX: usize = 256;

/// The files seen lately.
#[derive(Default)]
pub(super) struct Modules {
    known: FxHashMap<FileId, Option<Arc<Module>>>,
}

impl Modules {
    /// The module in an open file; `None` if that is no ELF file of this machine.
    pub(super) fn get(&mut self, file: File, path: &str) -> Option<Arc<Module>> {
        let data = file.metadata().ok()?;
        let id = FileId {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
        };
        if let Some(module) = self.known.get(&id) {
            return module.clone();
        }
        if self.known.len() >= MAX {
            self.known.retain(|_, module| {
                module
                    .as_ref()
                    .is_some_and(|module| Arc::strong_count(module) > 1)
            });
            if self.known.len() > MAX / 2 {
                self.known.clear();
            }
        }
        let module = Module::open(file, id, path);
        let module = module.inspect_err(|error| tracing::debug!(%error, path, "not a program"));
        let module = module.ok().map(Arc::new);
        self.known.insert(id, module.clone());
        module
    }
}
