//! Removes the DWARF from an eBPF object: it is three quarters of the file, and nothing at run time reads it.

/// Offsets in an ELF64 header and section header (System V ABI, "ELF Header" and "Section Header").
mod offset {
    pub(super) const SECTION_TABLE: usize = 0x28;
    pub(super) const SECTION_SIZE: usize = 0x3a;
    pub(super) const SECTION_COUNT: usize = 0x3c;
    pub(super) const NAMES_INDEX: usize = 0x3e;
    pub(super) const NAME: usize = 0x00;
    pub(super) const TYPE: usize = 0x04;
    pub(super) const FILE_OFFSET: usize = 0x18;
    pub(super) const SIZE: usize = 0x20;
    pub(super) const ALIGNMENT: usize = 0x30;
}
const SHT_NOBITS: u32 = 8;

/// The same object with every `.debug_*` section (and its relocations) emptied and the rest moved together.
///
/// Headers, and with them all section and symbol indices, stay as they are. `None` if the file is not a little-endian
/// ELF64 relocatable object as bpf-linker writes it: the caller then keeps the original.
pub(crate) fn without_dwarf(elf: &[u8]) -> Option<Vec<u8>> {
    // Magic, ELFCLASS64, ELFDATA2LSB; no program headers (e_phnum).
    if elf.get(..6)? != [0x7f, b'E', b'L', b'F', 2, 1] || u16_at(elf, 0x38)? != 0 {
        return None;
    }
    let table = u64_at(elf, offset::SECTION_TABLE)?;
    let entry = usize::from(u16_at(elf, offset::SECTION_SIZE)?);
    let count = usize::from(u16_at(elf, offset::SECTION_COUNT)?);
    let mut headers = elf
        .get(table..table.checked_add(entry.checked_mul(count)?)?)?
        .to_vec();
    let names = entry.checked_mul(usize::from(u16_at(elf, offset::NAMES_INDEX)?))?;
    let names = elf
        .get(u64_at(&headers, names + offset::FILE_OFFSET)?..)?
        .to_vec();

    let mut out = elf.get(..64)?.to_vec();
    for header in headers.chunks_exact_mut(entry) {
        let name = names.get(usize::try_from(u32_at(header, offset::NAME)?).ok()?..)?;
        if name.starts_with(b".debug_") || name.starts_with(b".rel.debug_") {
            put(header, offset::SIZE, 0)?;
        }
        let (from, size) = (
            u64_at(header, offset::FILE_OFFSET)?,
            u64_at(header, offset::SIZE)?,
        );
        align(&mut out, u64_at(header, offset::ALIGNMENT)?);
        put(header, offset::FILE_OFFSET, out.len())?;
        if u32_at(header, offset::TYPE)? != SHT_NOBITS {
            out.extend_from_slice(elf.get(from..from.checked_add(size)?)?);
        }
    }
    align(&mut out, 8);
    let table = out.len();
    put(&mut out, offset::SECTION_TABLE, table)?;
    out.extend_from_slice(&headers);
    Some(out)
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to.max(1)), 0);
}

fn put(bytes: &mut [u8], at: usize, value: usize) -> Option<()> {
    bytes
        .get_mut(at..at + 8)?
        .copy_from_slice(&u64::try_from(value).ok()?.to_le_bytes());
    Some(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A 64-bit size or offset, as an index into the file.
fn u64_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok()
}
