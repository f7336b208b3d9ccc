//! Applies the repository's rules to every tracked file.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::rules;
use crate::stage::Verdict;
use crate::{process, workspace};

/// Checks every tracked file.
///
/// # Errors
/// A file breaks a rule (all are printed), or git does not tell which files there are.
pub(crate) fn check() -> Result<Verdict> {
    let root = workspace::root();
    let mut git = Command::new("git");
    // A clone of another user (a container's volume, sudo) is no reason to refuse a listing.
    git.current_dir(&root)
        .args(["-c", "safe.directory=*", "ls-files", "-z"]);
    let files = process::output(&mut git).context("git does not list the repository's files")?;
    let root_path = root.display().to_string();
    let mut broken = 0;
    for file in files.split_terminator('\0') {
        // Deleted but not yet committed, or not text: no rule applies.
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        for problem in rules::problems(file, &text, &root_path) {
            println!("{file}: {problem}");
            broken += 1;
        }
    }
    if broken > 0 {
        bail!("{broken} rules broken");
    }
    Ok(Verdict::Passed)
}
