//! What a process has mapped, as far as it can be executed.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::module::{Module, Modules};
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
    File(Arc<Module>, u64),
    /// A file that could not be read or is no ELF file.
    Strange(Box<str>),
    /// Memory of no file: code that the process made itself.
    Anonymous,
    /// The kernel's code in every process.
    Vdso,
}

/// The executable mappings of a process, with their files once they were asked for.
pub(super) struct Image {
    pub(super) process: ProcessId,
    mappings: Vec<(Mapping, Backing)>,
}

/// The file behind a mapping.
enum Backing {
    /// Nobody has asked yet.
    Unasked,
    /// Open.
    File(Arc<Module>),
    /// Not to be read, or not an ELF file.
    Strange,
}

/// What lies at an address.
pub(super) struct Found {
    pub(super) place: Place,
    /// The first time that this mapping is met.
    pub(super) new: Option<New>,
}

/// A mapping of a file whose unwind information is to be used from now on.
pub(super) struct New {
    pub(super) addresses: Range<u64>,
    pub(super) module: Arc<Module>,
    /// Where the file's address 0 lies.
    pub(super) base: u64,
}

impl Image {
    /// Reads the mappings. `None` if the process is gone, or if its pid belongs to another one.
    pub(super) fn read(process: ProcessId) -> io::Result<Option<Self>> {
        let text = match fs::read(format!("/proc/{}/maps", process.pid)) {
            Ok(text) => text,
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        let mappings: Vec<_> = text
            .lines()
            .filter_map(parse)
            .map(|mapping| (mapping, Backing::Unasked))
            .collect();
        // After the mappings: what was read is this process's if it still lives. One that ends has none.
        let is_it = !super::super::has_ended(process) && !mappings.is_empty();
        Ok(is_it.then_some(Self { process, mappings }))
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

    /// What lies at an address; `None` for nothing executable.
    pub(super) fn find(&mut self, address: u64, modules: &mut Modules) -> Option<Found> {
        let index = self.index(address)?;
        let pid = self.process.pid;
        let (mapping, backing) = self.mappings.get_mut(index)?;
        let bare = |place| Found { place, new: None };
        if &*mapping.name == "[vdso]" {
            return Some(bare(Place::Vdso));
        }
        // Named parts of the process's own memory are in brackets.
        if mapping.name.is_empty() || mapping.name.starts_with('[') {
            return Some(bare(Place::Anonymous));
        }
        let is_new = matches!(backing, Backing::Unasked);
        if is_new {
            *backing = open(pid, mapping, modules).map_or(Backing::Strange, Backing::File);
        }
        let strange = Place::Strange(mapping.name.clone());
        let Backing::File(module) = backing else {
            return Some(bare(strange));
        };
        let offset = mapping.offset + (address - mapping.addresses.start);
        let Some(inside) = module.address(offset) else {
            return Some(bare(strange));
        };
        let new = is_new.then(|| New {
            addresses: mapping.addresses.clone(),
            module: Arc::clone(module),
            base: address.wrapping_sub(inside),
        });
        Some(Found {
            place: Place::File(Arc::clone(module), inside),
            new,
        })
    }
}

/// The very file that is mapped, whatever lies under its path by now; without the right to that, the file under the
/// path as the process sees it.
fn open(pid: u32, mapping: &Mapping, modules: &mut Modules) -> Option<Arc<Module>> {
    let Range { start, end } = mapping.addresses;
    let path = mapping.name.strip_suffix(" (deleted)");
    let file = File::open(format!("/proc/{pid}/map_files/{start:x}-{end:x}"));
    let file = match (file, path) {
        (Ok(file), _) => file,
        (Err(_), None) => File::open(format!("/proc/{pid}/root{}", mapping.name)).ok()?,
        (Err(_), Some(_)) => return None,
    };
    modules.get(file, path.unwrap_or(&mapping.name))
}

/// One line of `/proc/PID/maps`, if it is executable: `start-end perms offset device inode path`.
fn parse(line: &str) -> Option<Mapping> {
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
