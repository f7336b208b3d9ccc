//! Applies the repository's rules to every tracked file.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::layers::CRATES;
use super::{imports, links, rules, unsafe_code};
use crate::stage::Verdict;
use crate::{process, workspace};

/// Checks every file.
///
/// # Errors
/// A file breaks a rule (all are printed), or git does not tell which files there are.
pub(crate) fn check() -> Result<Verdict> {
    let root_path = workspace::root().display().to_string();
    let found = files()?.into_iter().flat_map(|(file, text)| {
        let problems = rules::problems(&file, &text, &root_path).into_iter();
        problems.map(move |problem| format!("{file}: {problem}"))
    });
    verdict(found)
}

/// Checks that the files of each crate import downward, and in no circle.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_imports() -> Result<Verdict> {
    let files = files()?;
    verdict(CRATES.iter().flat_map(|of| imports::problems(of, &files)))
}

/// Checks that the documents' links lead somewhere.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_links() -> Result<Verdict> {
    verdict(links::problems(&files()?).into_iter())
}

/// Checks that unsafe code is where it is known to be, and nowhere else.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_unsafe() -> Result<Verdict> {
    verdict(unsafe_code::problems(&files()?).into_iter())
}

fn verdict(problems: impl Iterator<Item = String>) -> Result<Verdict> {
    let broken = problems.inspect(|problem| println!("{problem}")).count();
    if broken > 0 {
        bail!("{broken} rules broken");
    }
    Ok(Verdict::Passed)
}

/// Every file that is tracked or soon will be, and is text, by its path from the repository's root.
fn files() -> Result<Vec<(String, String)>> {
    let root = workspace::root();
    let mut git = Command::new("git");
    // A clone of another user (a container's volume, sudo) is no reason to refuse a listing.
    git.current_dir(&root)
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"]);
    let names = process::output(&mut git).context("git does not list the repository's files")?;
    // Deleted but not yet committed, or not text: no rule applies.
    // A picture has no text, but there is a file of its name.
    let text = |name: &str| {
        String::from_utf8(fs::read(root.join(name)).ok()?)
            .ok()
            .or_else(|| Some(String::new()))
    };
    let read = |name: &str| Some((name.to_owned(), text(name)?));
    Ok(names.split_terminator('\0').filter_map(read).collect())
}
