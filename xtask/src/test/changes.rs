//! What a change touches, compared with the base that it will be merged into.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::{process, workspace};

/// What decides how the kernel is followed, and what every record means.
const KERNEL_SIDE: [&str; 3] = ["common", "ebpf", "agent/src/kernel"];
/// Where changes are merged into, the first that there is.
const TRUNKS: [&str; 3] = ["origin/HEAD", "origin/main", "main"];

/// Whether the kernel side differs from its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KernelSide {
    /// As in this base.
    Same(String),
    /// This file, at least, differs from this base.
    Differs(String, String),
    /// There is no base to compare with: a clone of one commit, or no repository.
    Unknown,
}

impl fmt::Display for KernelSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(base) => write!(f, "the kernel side is as in {base}"),
            Self::Differs(base, file) => write!(f, "{file} differs from {base}"),
            Self::Unknown => f.write_str("there is no earlier commit to compare with"),
        }
    }
}

/// Compares the working tree with the commit at which it left the trunk; on the trunk itself, with the commit before.
pub(crate) fn kernel_side() -> KernelSide {
    kernel_side_in(&workspace::root())
}

fn kernel_side_in(root: &Path) -> KernelSide {
    let git = |args: &[&str]| git(root, args);
    let Some((base, name)) = base(&git) else {
        return KernelSide::Unknown;
    };
    let tracked = git(&[&["diff", "--name-only", &base, "--"], &KERNEL_SIDE[..]].concat());
    let others = ["ls-files", "--others", "--exclude-standard", "--"];
    let new = git(&[&others[..], &KERNEL_SIDE[..]].concat());
    let (Some(tracked), Some(new)) = (tracked, new) else {
        return KernelSide::Unknown;
    };
    match tracked.lines().chain(new.lines()).next() {
        Some(file) => KernelSide::Differs(name, file.to_owned()),
        None => KernelSide::Same(name),
    }
}

/// The commit to compare with, and what to call it.
fn base(git: &impl Fn(&[&str]) -> Option<String>) -> Option<(String, String)> {
    let head = git(&["rev-parse", "HEAD"])?;
    let left = TRUNKS.iter().find_map(|trunk| {
        let base = git(&["merge-base", "HEAD", trunk])?;
        (base != head).then(|| (base, (*trunk).to_owned()))
    });
    left.or_else(|| {
        let before = git(&["rev-parse", "--verify", "HEAD~1"])?;
        Some((before, "the commit before".to_owned()))
    })
}

/// What git says, unless it fails.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["-c", "safe.directory=*"])
        .args(args);
    let said = process::output(&mut git).ok()?;
    Some(said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Writes a file and commits everything.
    fn commit(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create");
        fs::write(path, "").expect("write");
        let identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"];
        git(root, &["add", "."]).expect("add");
        git(root, &[&identity[..], &["commit", "-qm", file]].concat()).expect("commit");
    }

    #[test]
    fn a_change_is_compared_with_where_it_left_the_trunk() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let root = dir.path();
        git(root, &["init", "-q", "-b", "main"]).expect("init");
        commit(root, "ebpf/src/main.rs");
        assert_eq!(kernel_side_in(root), KernelSide::Unknown);

        commit(root, "common/src/lib.rs");
        let file = "common/src/lib.rs".to_owned();
        let before = "the commit before".to_owned();
        assert_eq!(kernel_side_in(root), KernelSide::Differs(before, file));

        git(root, &["checkout", "-qb", "change"]).expect("checkout");
        commit(root, "docs/a.md");
        assert_eq!(kernel_side_in(root), KernelSide::Same("main".to_owned()));

        fs::create_dir_all(root.join("agent/src/kernel")).expect("create");
        fs::write(root.join("agent/src/kernel/new.rs"), "").expect("write");
        let new = "agent/src/kernel/new.rs".to_owned();
        let differs = KernelSide::Differs("main".to_owned(), new);
        assert_eq!(kernel_side_in(root), differs, "not yet committed");
    }
}
