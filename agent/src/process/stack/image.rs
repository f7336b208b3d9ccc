//! What a process has mapped, as far as it can be executed.

use std::fs;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::{FileId, Files, OpenFile, open_in, open_link};
use super::link::Subject;
use super::wire::Lies;
use crate::process::status::Status;
use finback_core::model::socket::ProcessId;

/// An executable mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) addresses: Range<u64>,
    /// Of the first byte, in the file.
    pub(super) offset: u64,
    /// Path, or a name in brackets; empty for memory of no file.
    pub(super) name: Box<str>,
}

/// What lies at an address.
#[derive(Clone)]
pub(super) enum Place {
    /// A file's code, at this address as the file counts.
    File(Arc<OpenFile>, u64),
    /// A file that could not be read or is no ELF file.
    Strange(Box<str>),
    /// Memory of no file: code that the process made itself.
    Anonymous,
    /// The kernel's code in every process.
    Vdso,
    /// Nothing executable.
    Nothing,
}

/// The executable mappings of a process, with their files once they were asked for.
pub(super) struct Image {
    /// What the readers call it.
    pub(super) number: u64,
    /// Who is to blame if a reader dies of it.
    pub(super) subject: Subject,
    process: ProcessId,
    mappings: Vec<(Mapping, Backing)>,
}

/// What is behind a mapping.
enum Backing {
    /// Nobody has asked yet.
    Unasked,
    /// An open file.
    File(Arc<OpenFile>),
    /// No file, or not one to be read.
    None,
}

impl Image {
    /// Reads the mappings. `None` if the process is gone, or if its pid belongs to another one.
    pub(super) fn read(process: ProcessId) -> io::Result<Option<Self>> {
        static READ: AtomicU64 = AtomicU64::new(0);
        let is_gone =
            |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH));
        let found = read(process.pid).map(Some);
        let found = found.or_else(|error| {
            if is_gone(&error) {
                Ok(None)
            } else {
                Err(error)
            }
        })?;
        // After the mappings: what was read is this process's if it still lives. One that ends has none.
        let is_it =
            |(_, mappings): &(_, Vec<_>)| !super::super::has_ended(process) && !mappings.is_empty();
        Ok(found.filter(is_it).map(|(subject, mappings)| Self {
            number: READ.fetch_add(1, Ordering::Relaxed),
            subject,
            process,
            mappings,
        }))
    }

    fn index(&self, address: u64) -> Option<usize> {
        let index = self
            .mappings
            .partition_point(|(mapping, _)| mapping.addresses.end <= address);
        let (mapping, _) = self.mappings.get(index)?;
        mapping.addresses.contains(&address).then_some(index)
    }

    /// Whether something executable lies there.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.index(address).is_some()
    }

    /// The file with this number, if it was asked for.
    pub(super) fn file(&self, number: u64) -> Option<&OpenFile> {
        self.mappings.iter().find_map(|(_, backing)| match backing {
            Backing::File(file) if file.number == number => Some(&**file),
            Backing::File(_) | Backing::Unasked | Backing::None => None,
        })
    }

    /// The mapping at an address, for a reader.
    pub(super) fn lies(&mut self, address: u64, files: &mut Files) -> Option<Lies> {
        let index = self.index(address)?;
        let (mapping, backing) = self.mapping(index, files)?;
        let Range { start, end } = mapping.addresses;
        let file = match backing {
            Backing::File(file) => Some((file.number, mapping.offset)),
            Backing::Unasked | Backing::None => None,
        };
        Some(Lies { start, end, file })
    }

    /// What lies at an address that is `inside` as its file counts.
    pub(super) fn place(&mut self, address: u64, inside: Option<u64>, files: &mut Files) -> Place {
        let index = self.index(address);
        let Some((mapping, backing)) = index.and_then(|index| self.mapping(index, files)) else {
            return Place::Nothing;
        };
        match (backing, inside) {
            (Backing::File(file), Some(inside)) => Place::File(Arc::clone(file), inside),
            _ if &*mapping.name == "[vdso]" => Place::Vdso,
            _ if mapping.is_anonymous() => Place::Anonymous,
            _ => Place::Strange(mapping.name.clone()),
        }
    }

    /// Opens the file on the first call.
    fn mapping(&mut self, index: usize, files: &mut Files) -> Option<(&Mapping, &Backing)> {
        let pid = self.process.pid;
        let (mapping, backing) = self.mappings.get_mut(index)?;
        if matches!(backing, Backing::Unasked) {
            let file = open(pid, mapping, files);
            *backing = file.map_or(Backing::None, Backing::File);
        }
        Some((mapping, backing))
    }
}

impl Mapping {
    /// Named parts of the process's own memory are in brackets.
    fn is_anonymous(&self) -> bool {
        self.name.is_empty() || self.name.starts_with('[')
    }
}

/// Which program it is, and what it has mapped.
fn read(pid: u32) -> io::Result<(Subject, Vec<(Mapping, Backing)>)> {
    let text = fs::read(format!("/proc/{pid}/maps"))?;
    let status = Status::read(pid)?;
    let program = fs::metadata(format!("/proc/{pid}/exe"))?;
    let text = String::from_utf8_lossy(&text);
    let mappings = text
        .lines()
        .filter_map(parse)
        .map(|mapping| (mapping, Backing::Unasked))
        .collect();
    // Of the files of `/proc` the owner is root for a process that nobody may look into.
    let users = status.users().ok_or(io::ErrorKind::InvalidData)?;
    Ok((Subject::Program(FileId::of(&program), users.real), mappings))
}

/// The very file that is mapped, whatever lies under its path by now; without the right to that, the file under the
/// path as the process sees it.
fn open(pid: u32, mapping: &Mapping, files: &mut Files) -> Option<Arc<OpenFile>> {
    if mapping.is_anonymous() {
        return None;
    }
    let Range { start, end } = mapping.addresses;
    let path = mapping.name.strip_suffix(" (deleted)");
    let file = open_link(&format!("/proc/{pid}/map_files/{start:x}-{end:x}"));
    let file = match (file, path) {
        (Ok(file), _) => file,
        (Err(_), None) => open_in(pid, &mapping.name).ok()?,
        (Err(_), Some(_)) => return None,
    };
    files.get(file, path.unwrap_or(&mapping.name)).ok()
}

/// One line of `/proc/PID/maps`, if it is executable: `start-end perms offset device inode path`.
pub(super) fn parse(line: &str) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let executable = words.next()?.as_bytes().get(2) == Some(&b'x');
    let offset = words.next()?;
    let name = words.nth(2).unwrap_or_default().trim_start();
    let number = |text| u64::from_str_radix(text, 16).ok();
    executable.then_some(())?;
    let addresses = number(start)?..number(end)?;
    Some(Mapping {
        addresses,
        offset: number(offset)?,
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_lines_are_taken() {
        let line =
            "55d0c0a02000-55d0c0a08000 r-xp 00002000 08:01 1234                       /usr/bin/a b";
        let mapping = parse(line).unwrap();
        assert_eq!(mapping.addresses, 0x55d0_c0a0_2000..0x55d0_c0a0_8000);
        assert_eq!((mapping.offset, &*mapping.name), (0x2000, "/usr/bin/a b"));
        let bare = parse("7f0000000000-7f0000001000 rwxp 00000000 00:00 0 ").unwrap();
        assert_eq!(&*bare.name, "");
        assert_eq!(
            parse("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 "),
            None
        );
        assert_eq!(parse("rubbish"), None);
    }
}
