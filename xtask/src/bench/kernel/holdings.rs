//! The programs and maps that a process holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result};

use super::map;
use super::syscall::{Command, info, of_id, text};

/// Where `name` and `verified_insns` are in `struct bpf_prog_info`.
const PROGRAM_NAME: std::ops::Range<usize> = 64..80;
const VERIFIED: usize = 216;
/// Where `name` is in `struct bpf_map_info`.
const MAP_NAME: std::ops::Range<usize> = 24..40;

/// Members of `enum bpf_map_type`.
const HASH: u64 = 1;
const ARRAY: u64 = 2;
const LRU_HASH: u64 = 9;
const RING: u64 = 27;
/// Arrays shorter than this hold counters and settings, not sockets.
const TABLE: u64 = 1024;

/// What one program has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// Only counted while the kernel's statistics are on.
    pub(crate) runs: u64,
    pub(crate) nanos: u64,
    /// Instructions that the verifier followed at load; 0 before Linux 5.16.
    pub(crate) verified: u32,
}

/// One map, as `/proc/PID/fdinfo` describes it.
#[derive(Debug)]
struct Map {
    id: u32,
    kind: u64,
    key_bytes: usize,
    value_bytes: usize,
    places: u64,
    memory: u64,
}

/// What a process holds now.
#[derive(Debug)]
pub(crate) struct Holdings {
    /// By name: the first 15 characters of the program's. Those that share a name are one: of two on one hook the second
    /// is attached only at times.
    pub(crate) programs: BTreeMap<String, Program>,
    ids: BTreeSet<u32>,
    maps: BTreeMap<u32, Map>,
}

impl Holdings {
    /// Reads what the process with this id holds.
    ///
    /// # Errors
    /// The process has gone.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut holdings = Self {
            programs: BTreeMap::new(),
            ids: BTreeSet::new(),
            maps: BTreeMap::new(),
        };
        let dir = format!("/proc/{pid}/fdinfo");
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {dir}"))? {
            // A descriptor may be closed meanwhile.
            if let Ok(text) = fs::read_to_string(entry?.path()) {
                holdings.add(&text);
            }
        }
        Ok(holdings)
    }

    fn add(&mut self, fdinfo: &str) {
        let value = |name: &str| -> Option<u64> {
            let line = fdinfo.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':')?.trim().parse().ok()
        };
        let small = |name: &str| value(name).and_then(|value| u32::try_from(value).ok());
        let size = |name: &str| value(name).and_then(|value| usize::try_from(value).ok());
        // A link names its program too.
        if value("link_id").is_some() {
            return;
        }
        if let Some(id) = small("prog_id") {
            if !self.ids.insert(id) {
                return;
            }
            let (name, verified) = describe(id);
            let program = self.programs.entry(name).or_default();
            program.runs += value("run_cnt").unwrap_or(0);
            program.nanos += value("run_time_ns").unwrap_or(0);
            program.verified = program.verified.max(verified);
        } else if let Some(id) = small("map_id") {
            let map = Map {
                id,
                kind: value("map_type").unwrap_or(0),
                key_bytes: size("key_size").unwrap_or(0),
                value_bytes: size("value_size").unwrap_or(0),
                places: value("max_entries").unwrap_or(0),
                memory: value("memlock").unwrap_or(0),
            };
            self.maps.insert(id, map);
        }
    }

    /// Bytes of kernel memory that all maps take.
    pub(crate) fn memory(&self) -> u64 {
        self.maps.values().map(|map| map.memory).sum()
    }

    /// Of these, those of the rings.
    pub(crate) fn rings(&self) -> u64 {
        let rings = self.maps.values().filter(|map| map.kind == RING);
        rings.map(|map| map.memory).sum()
    }

    /// Bytes put into the rings since the start.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(crate) fn produced(&self) -> Result<u64> {
        let rings = self.maps.values().filter(|map| map.kind == RING);
        rings
            .map(|ring| {
                let fd = of_id(Command::MapOfId, ring.id)?;
                map::produced(&fd)
            })
            .sum::<std::io::Result<u64>>()
            .context("cannot read a ring's position")
    }

    /// Name of each table of sockets to how many of its places are taken.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(crate) fn entries(&self) -> Result<BTreeMap<String, u64>> {
        let mut entries = BTreeMap::new();
        for map in self.maps.values().filter(|map| map.places >= TABLE) {
            let fd = of_id(Command::MapOfId, map.id)?;
            let taken = match map.kind {
                HASH | LRU_HASH => map::keys(&fd, map.key_bytes)?,
                ARRAY => map::taken(&fd, map.value_bytes, u32::try_from(map.places)?)?,
                _ => continue,
            };
            let name = text(&info(&fd)?[MAP_NAME]);
            *entries.entry(name).or_default() += taken;
        }
        Ok(entries)
    }
}

/// Name and verified instructions; a name of its own if the kernel does not tell.
fn describe(id: u32) -> (String, u32) {
    let told = of_id(Command::ProgramOfId, id).and_then(|fd| info(&fd));
    let Ok(info) = told else {
        return (format!("program {id}"), 0);
    };
    let verified = info
        .get(VERIFIED..VERIFIED + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_ne_bytes);
    (text(&info[PROGRAM_NAME]), verified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_and_a_link_is_passed_over() {
        let mut holdings = Holdings {
            programs: BTreeMap::new(),
            ids: BTreeSet::new(),
            maps: BTreeMap::new(),
        };
        holdings.add("pos:\t0\nlink_type:\traw_tracepoint\nlink_id:\t7\nprog_id:\t9\n");
        assert!(holdings.programs.is_empty());
        holdings.add(
            "map_type:\t27\nkey_size:\t0\nvalue_size:\t0\nmax_entries:\t8388608\nmemlock:\t8401920\nmap_id:\t3\n",
        );
        assert_eq!(
            (holdings.memory(), holdings.rings()),
            (8_401_920, 8_401_920)
        );
    }
}
