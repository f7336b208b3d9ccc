//! What is pinned, for `finback status --pins`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::{Folder, entries};
use super::object::{Kind, Object};
use super::refusal::Refusal;

/// Everything there is to know about pins.
#[derive(Clone, Debug, Serialize)]
pub struct PinReport {
    /// Where they are, if anything is pinned.
    pub folder: Option<PathBuf>,
    /// Why nothing is.
    pub reason: Option<String>,
    /// Version of the tables of this build.
    pub abi: u32,
    /// This daemon goes on with the tables of an earlier one.
    pub resumed: bool,
    /// Since an earlier daemon began, the programs have been attached all the time.
    pub uninterrupted: bool,
    /// What was refused or replaced at the start, and why.
    pub notes: Vec<String>,
    /// Attached programs that end with the daemon.
    pub left_out: Vec<LeftOut>,
    /// What is pinned now.
    pub pins: Vec<Pinned>,
}

/// An attached program that is not pinned.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// One pin.
#[derive(Clone, Debug, Serialize)]
pub struct Pinned {
    /// Name.
    pub name: String,
    /// Version of the ABI.
    pub abi: u32,
    /// What it is.
    pub kind: Kind,
    /// The kernel's number of it.
    pub id: Option<u32>,
    /// Kernel memory of a table.
    pub bytes: Option<u64>,
    /// The daemon that was asked uses it.
    pub in_use: bool,
}

/// What is pinned in a folder, whoever uses it.
pub fn list(base: &Path) -> Result<Vec<Pinned>, Refusal> {
    let folder = Folder::look(base)?;
    let mut pins = Vec::new();
    for (abi, version) in folder.versions()? {
        for (name, path) in entries(&version)? {
            let object = Object::at(&path).ok();
            pins.push(Pinned {
                name,
                abi,
                kind: object.as_ref().map_or(Kind::Other, |object| object.kind),
                id: object.as_ref().and_then(Object::id),
                bytes: object.as_ref().and_then(Object::bytes),
                in_use: false,
            });
        }
    }
    Ok(pins)
}
