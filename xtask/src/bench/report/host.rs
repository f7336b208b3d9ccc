//! Where and when.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::{process, workspace};

/// The machine, the moment and the source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    /// RFC 3339, UTC.
    pub(crate) date: String,
    /// Of the source, with `-dirty` if it was changed.
    pub(crate) commit: String,
    pub(crate) kernel: String,
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mib: u64,
    /// Mean of the last minute before and after: other work on the machine shows here.
    pub(crate) load_before: f64,
    pub(crate) load_after: f64,
}

impl Host {
    /// Reads what the system tells.
    pub(crate) fn now() -> Self {
        let mut git = Command::new("git");
        git.current_dir(workspace::root())
            .args(["-c", "safe.directory=*"])
            .args(["describe", "--always", "--dirty", "--abbrev=12"]);
        Self {
            date: said(Command::new("date").args(["-u", "+%FT%TZ"])),
            commit: said(&mut git),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            cpu: field("/proc/cpuinfo", "model name"),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kib("MemTotal") >> 10,
            load_before: load(),
            load_after: 0.0,
        }
    }

    /// The measurement is over.
    pub(crate) fn finish(&mut self) {
        self.load_after = load();
    }
}

fn said(command: &mut Command) -> String {
    let said = process::output(command).map(|text| text.trim().to_owned());
    said.unwrap_or_else(|_error| "unknown".into())
}

fn load() -> f64 {
    let text = first_line("/proc/loadavg");
    let first = text.split(' ').next();
    first.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn kib(name: &str) -> u64 {
    let value = field("/proc/meminfo", name);
    let number = value.split(' ').next();
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_owned())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
