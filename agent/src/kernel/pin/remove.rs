//! Removing pins: `finback unpin`, and a daemon that was ended by who had started it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{Folder, entries};
use super::object::{Kind, NEW, Object};
use super::refusal::Refusal;

/// What was removed, or would be.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    /// Pins.
    pub pins: Vec<(PathBuf, Kind)>,
    /// What is there and was not finback's to remove.
    pub left: Vec<PathBuf>,
}

/// Removes every pin of every version in a folder, and the folder. Nothing is removed while a daemon uses it, unless
/// that is wanted (`force`); `dry` only says what would be.
pub fn remove(base: &Path, force: bool, dry: bool) -> Result<Removed, Refusal> {
    let folder = match Folder::lock(base) {
        Err(Refusal::Busy(_)) if force => Folder::look(base)?,
        locked => locked?,
    };
    let mut all = Removed::default();
    for (_, path) in folder.versions()? {
        let Removed { pins, left } = version(&path, dry)?;
        all.pins.extend(pins);
        all.left.extend(left);
    }
    if !dry {
        folder.remove()?;
    }
    Ok(all)
}

/// Removes the pins of one version. Attached programs first: none may go on without its tables.
pub(super) fn version(path: &Path, dry: bool) -> Result<Removed, Refusal> {
    let mut removed = Removed::default();
    for (name, path) in entries(path)? {
        match Object::at(&path) {
            Ok(object) if is_ours(&name, object.kind) => removed.pins.push((path, object.kind)),
            _ => removed.left.push(path),
        }
    }
    removed
        .pins
        .sort_by_key(|(path, kind)| (*kind != Kind::Link, path.clone()));
    if dry {
        return Ok(removed);
    }
    for (pin, _) in &removed.pins {
        fs::remove_file(pin).map_err(Refusal::io("remove", pin))?;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
            Err(Refusal::io("remove", path)(error))
        }
        _ => Ok(removed),
    }
}

/// Names that any version of finback gives: tables are named as the statics of its programs, attached programs with
/// their flavour first.
pub(super) fn is_ours(name: &str, kind: Kind) -> bool {
    const FLAVOURS: [&str; 4] = ["fe_", "fx_", "kp_", "tp_"];
    match kind {
        Kind::Map => name
            .trim_end_matches(NEW)
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
        Kind::Link => FLAVOURS.iter().any(|flavour| name.starts_with(flavour)),
        Kind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_any_finback_may_have_pinned_is_ours() {
        for (name, kind) in [
            ("HALF", Kind::Map),
            ("QUEUE_WALK", Kind::Map),
            ("OPENERS-new", Kind::Map),
            ("fe_tcp_fin", Kind::Link),
            ("tp_inet_sock_set_state-new", Kind::Link),
        ] {
            assert!(is_ours(name, kind), "{name}");
        }
        for (name, kind) in [
            ("half", Kind::Map),
            ("fe_tcp_fin", Kind::Map),
            ("HALF", Kind::Link),
            ("HALF", Kind::Other),
            ("xdp_firewall", Kind::Link),
        ] {
            assert!(!is_ours(name, kind), "{name}");
        }
    }
}
