//! The pins of a daemon that runs: what it takes over at its start, and what it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use finback_common::ABI_VERSION;

use super::folder::{Folder, entries};
use super::object::{Kind, NEW, Object, Shape};
use super::place::Place;
use super::remove;
use super::report::{LeftOut, PinReport, list};

/// The pins of this daemon.
#[derive(Debug)]
pub(in crate::kernel) struct Pins {
    /// The folder; or why there is none.
    folder: Result<(Folder, PathBuf), String>,
    /// The tables of an earlier daemon that go on, by name.
    tables: BTreeMap<&'static str, PathBuf>,
    /// The attached programs of an earlier daemon.
    links: BTreeSet<String>,
    /// What was pinned by this daemon, or taken over.
    own: BTreeSet<(Kind, u32)>,
    /// What was refused, and what was done about it.
    notes: Vec<String>,
    left_out: Vec<LeftOut>,
    uninterrupted: bool,
}

impl Pins {
    /// Takes the folder and looks at what an earlier daemon has left there. `keep_up` says whether programs of these
    /// names are all that it takes to keep up the tables.
    pub(in crate::kernel) fn begin(
        place: &Place,
        shapes: &[Shape],
        keep_up: impl FnOnce(&BTreeSet<String>) -> bool,
    ) -> Self {
        let base = match place {
            Place::Off { reason } => return Self::none(reason.clone()),
            Place::Folder(base) => base,
        };
        let taken = Folder::take(base).and_then(|folder| Ok((folder.make_own()?, folder)));
        let (own, folder) = match taken {
            Ok(taken) => taken,
            Err(refusal) => {
                tracing::warn!("nothing is pinned: {refusal}");
                return Self::none(refusal.to_string());
            }
        };
        let mut pins = Self::none(String::new());
        pins.look(&own, shapes);
        pins.folder = Ok((folder, own));
        let found = !pins.links.is_empty() || !pins.tables.is_empty();
        if found && !keep_up(&pins.links) {
            pins.note("the tables of an earlier finback are begun anew: not every program that keeps them up was attached");
            pins.tables.clear();
        }
        pins
    }

    fn none(reason: String) -> Self {
        Self {
            folder: Err(reason),
            tables: BTreeMap::new(),
            links: BTreeSet::new(),
            own: BTreeSet::new(),
            notes: Vec::new(),
            left_out: Vec::new(),
            uninterrupted: false,
        }
    }

    /// What is there and can be trusted.
    fn look(&mut self, own: &Path, shapes: &[Shape]) {
        let found = entries(own).unwrap_or_default();
        for (name, path) in found {
            if name.ends_with(NEW) {
                // Its daemon was killed before it had its name.
                drop_pin(&path);
                continue;
            }
            let shape = shapes.iter().find(|shape| shape.name == name);
            match (Object::at(&path), shape) {
                (Ok(object), Some(shape)) => match object.is(*shape) {
                    Ok(()) => {
                        self.tables.insert(shape.name, path);
                    }
                    Err(why) => self.note(format!("{} is begun anew: {why}", path.display())),
                },
                (Ok(object), None)
                    if object.kind == Kind::Link && remove::is_ours(&name, Kind::Link) =>
                {
                    self.links.insert(name);
                }
                (Ok(_), None) => {
                    self.note(format!(
                        "{} is not finback's and is left alone",
                        path.display()
                    ));
                }
                (Err(error), _) => {
                    self.note(format!("{} cannot be opened: {error}", path.display()));
                }
            }
        }
    }

    /// Whether anything is pinned.
    pub(in crate::kernel) const fn are_on(&self) -> bool {
        self.folder.is_ok()
    }

    /// Where the table of an earlier daemon is that goes on.
    pub(in crate::kernel) fn table(&self, name: &str) -> Option<&Path> {
        self.tables.get(name).map(PathBuf::as_path)
    }

    /// The names of programs that an earlier daemon has left attached.
    pub(in crate::kernel) const fn links(&self) -> &BTreeSet<String> {
        &self.links
    }

    /// Whether every table goes on.
    pub(in crate::kernel) fn all_go_on(&self, shapes: &[Shape]) -> bool {
        shapes
            .iter()
            .all(|shape| self.tables.contains_key(shape.name))
    }

    /// Everything that this daemon watches has been watched without a gap since an earlier one began.
    pub(in crate::kernel) const fn is_uninterrupted(&self) -> bool {
        self.uninterrupted
    }

    pub(in crate::kernel) const fn set_uninterrupted(&mut self, uninterrupted: bool) {
        self.uninterrupted = uninterrupted;
    }

    /// For people.
    pub(in crate::kernel) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        tracing::warn!("{what}");
        self.notes.push(what);
    }

    /// This program cannot be pinned.
    pub(in crate::kernel) fn leave_out(&mut self, name: &'static str, reason: &'static str) {
        self.left_out.push(LeftOut { name, reason });
    }

    /// Pins something in the place of what had its name: `pin` makes the pin at the path that it is given. What was
    /// attached under that name is detached by this, and not before.
    pub(in crate::kernel) fn put(
        &mut self,
        name: &str,
        pin: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let own = match &self.folder {
            Ok((_, own)) => own,
            Err(reason) => return Err(reason.clone()),
        };
        let path = own.join(name);
        let new = own.join(format!("{name}{NEW}"));
        pin(&new).map_err(|why| format!("cannot pin {}: {why}", path.display()))?;
        fs::rename(&new, &path).map_err(|why| format!("cannot rename {}: {why}", new.display()))?;
        self.own_up(&path);
        Ok(())
    }

    /// This one is in use by this daemon.
    pub(in crate::kernel) fn own_up(&mut self, path: &Path) {
        if let Ok(object) = Object::at(path)
            && let Some(id) = object.id()
        {
            self.own.insert((object.kind, id));
        }
    }

    /// Detaches what an earlier daemon has left attached and this one has not replaced.
    pub(in crate::kernel) fn drop_links(&mut self, but: &BTreeSet<&str>) {
        let Ok((_, own)) = &self.folder else {
            return;
        };
        let old = self
            .links
            .iter()
            .filter(|name| !but.contains(name.as_str()));
        let old: Vec<PathBuf> = old.map(|name| own.join(name)).collect();
        for path in old {
            drop_pin(&path);
        }
        self.links.retain(|name| but.contains(name.as_str()));
    }

    /// Removes the pins of other versions: this one cannot read their tables.
    pub(in crate::kernel) fn drop_other_versions(&mut self) {
        let Ok((folder, _)) = &self.folder else {
            return;
        };
        let others = folder.versions().unwrap_or_default();
        for (version, path) in others
            .into_iter()
            .filter(|(version, _)| *version != ABI_VERSION)
        {
            let removed = remove::version(&path, false);
            let count = removed.as_ref().map_or(0, |removed| removed.pins.len());
            self.note(format!(
                "{} is of another version of finback, whose tables this one cannot read (ABI {version}, not \
                 {ABI_VERSION}): {count} pins were removed, and what happened before is known from looks alone",
                path.display()
            ));
        }
    }

    /// Removes everything: nothing is to go on, for this reason.
    pub(in crate::kernel) fn give_up(&mut self, reason: String) {
        let before = std::mem::replace(&mut self.folder, Err(reason));
        if let Ok((folder, own)) = before {
            if let Err(refusal) = remove::version(&own, false) {
                tracing::warn!("pins stay: {refusal}");
            }
            if let Err(refusal) = folder.remove() {
                tracing::warn!("pins stay: {refusal}");
            }
        }
    }
}

impl Pins {
    /// As it is now.
    pub(in crate::kernel) fn report(&self) -> PinReport {
        let base = self.folder.as_ref().map(|(folder, _)| folder.base());
        let mut pins = base.map_or_else(|_| Vec::new(), |base| list(base).unwrap_or_default());
        for pin in &mut pins {
            pin.in_use = pin.id.is_some_and(|id| self.own.contains(&(pin.kind, id)));
        }
        PinReport {
            folder: base.ok().map(Path::to_owned),
            reason: self.folder.as_ref().err().cloned(),
            abi: ABI_VERSION,
            resumed: !self.tables.is_empty(),
            uninterrupted: self.uninterrupted,
            notes: self.notes.clone(),
            left_out: self.left_out.clone(),
            pins,
        }
    }
}

fn drop_pin(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "a pin cannot be removed");
    }
}
