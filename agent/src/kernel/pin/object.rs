//! One thing that is pinned, as the kernel describes it (`/proc/self/fdinfo`).

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use crate::kernel::sys::open_pinned;

/// A pin is made under its name with this, and then takes the place of the one from before.
pub(super) const NEW: &str = "-new";

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A table.
    Map,
    /// An attached program.
    Link,
    /// Something else that can be pinned.
    Other,
}

impl Kind {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Link => "link",
            Self::Other => "other",
        }
    }
}

/// A table as it must be.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Shape {
    pub(in crate::kernel) name: &'static str,
    pub(in crate::kernel) value_bytes: usize,
    pub(in crate::kernel) places: u32,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    facts: BTreeMap<String, u64>,
}

/// `BPF_MAP_TYPE_ARRAY`, and the flag of those that can be mapped.
const ARRAY: u64 = 2;
const MMAPABLE: u64 = 0x400;

impl Object {
    /// Opens it for a look.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let fd = open_pinned(&path)?;
        Self::of(&fd)
    }

    fn of(fd: &OwnedFd) -> io::Result<Self> {
        let number = fd.as_raw_fd();
        let kind = fs::read_link(format!("/proc/self/fd/{number}"))?;
        let kind = match kind.to_string_lossy().trim_start_matches("anon_inode:") {
            "bpf-map" | "[bpf-map]" => Kind::Map,
            "bpf_link" | "[bpf_link]" | "bpf-link" | "[bpf-link]" => Kind::Link,
            _ => Kind::Other,
        };
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
        Ok(Self {
            kind,
            facts: facts(&text),
        })
    }

    /// Its number, by which it is known to be the same.
    pub(super) fn id(&self) -> Option<u32> {
        let name = match self.kind {
            Kind::Map => "map_id",
            Kind::Link => "link_id",
            Kind::Other => return None,
        };
        u32::try_from(*self.facts.get(name)?).ok()
    }

    /// Kernel memory that it takes, if the kernel tells.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.facts.get("memlock").copied()
    }

    /// Whether it is this table; if not, what is wrong with it.
    pub(super) fn is(&self, shape: Shape) -> Result<(), String> {
        if self.kind != Kind::Map {
            return Err(format!("it is a {}, not a table", self.kind.name()));
        }
        let bytes = shape.value_bytes as u64;
        let wanted = [
            ("map_type", ARRAY),
            ("map_flags", MMAPABLE),
            ("key_size", 4),
            ("value_size", bytes),
            ("max_entries", u64::from(shape.places)),
        ];
        for (name, wanted) in wanted {
            let found = self.facts.get(name).copied();
            if found != Some(wanted) {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                return Err(format!("{name} is {found}, not {wanted}"));
            }
        }
        Ok(())
    }
}

/// Lines `name: number`, decimal or hexadecimal.
fn facts(text: &str) -> BTreeMap<String, u64> {
    let fact = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        let value = match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => value.parse(),
        };
        Some((name.to_owned(), value.ok()?))
    };
    text.lines().filter_map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Shape = Shape {
        name: "HALF",
        value_bytes: 64,
        places: 65_536,
    };

    fn table(text: &str) -> Object {
        Object {
            kind: Kind::Map,
            facts: facts(text),
        }
    }

    #[test]
    fn a_table_is_ours_only_if_every_number_fits() {
        let text = "pos:\t0\nmap_type:\t2\nkey_size:\t4\nvalue_size:\t64\nmax_entries:\t65536\n\
                    map_flags:\t0x400\nmap_extra:\t0x0\nmemlock:\t4194304\nmap_id:\t77\n";
        let half = table(text);
        assert_eq!(half.is(HALF), Ok(()));
        assert_eq!((half.id(), half.bytes()), (Some(77), Some(4 << 20)));
        for (from, to, word) in [
            ("map_type:\t2", "map_type:\t1", "map_type is 1, not 2"),
            ("value_size:\t64", "value_size:\t56", "value_size is 56"),
            (
                "max_entries:\t65536",
                "max_entries:\t64",
                "max_entries is 64",
            ),
            (
                "map_flags:\t0x400",
                "map_flags:\t0x0",
                "map_flags is 0, not 1024",
            ),
            ("key_size:\t4", "key_size:\tx", "key_size is none"),
        ] {
            let error = table(&text.replace(from, to)).is(HALF).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        let link = Object {
            kind: Kind::Link,
            facts: facts("link_type:\ttracing\nlink_id:\t5\nprog_id:\t9\n"),
        };
        assert_eq!(link.id(), Some(5));
        assert!(link.is(HALF).unwrap_err().contains("it is a link"));
    }
}
