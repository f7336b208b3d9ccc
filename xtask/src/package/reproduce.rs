//! Whether the same sources give the same packages: this checkout, and a clone of its commit in a folder of another name and
//! length, with builds of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use super::ground::Ground;
use super::made::{self, Kind};
use super::{archive, tree};
use crate::{process, workspace};

const FOLDER: &str = "and-once-more-over-there";

/// Makes everything twice and compares it. Prints what is the same.
///
/// # Errors
/// Something differs (it is named), or does not build.
pub(super) fn run(ground: &Ground, kinds: &[Kind]) -> Result<()> {
    let commit = commit(&ground.root)?;
    if ground.dist.exists() {
        fs::remove_dir_all(&ground.dist)?;
    }
    let start = Instant::now();
    made::make(ground, kinds)?;
    eprintln!("xtask: made here in {} s", start.elapsed().as_secs());
    ensure!(
        self::commit(&ground.root)? == commit,
        "another commit was checked out meanwhile: this shows nothing, try again"
    );
    let folder = ground.empty("reproduce")?;
    let clone = folder.join(FOLDER);
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "clone", "--quiet", "--local"]);
    process::run(git.arg(&ground.root).arg(&clone))?;
    let start = Instant::now();
    let other = packages(ground, kinds, &clone)?;
    eprintln!("xtask: made there in {} s", start.elapsed().as_secs());
    let mut differ = Vec::new();
    for name in tree::names(&ground.dist)? {
        let here = archive::sha256(&ground.dist.join(&name))?;
        let there = archive::sha256(&other.join(&name))?;
        if here == there {
            println!("{here}  {name}");
        } else {
            println!("{here}  {name} (there {there})");
            differ.push(name);
        }
    }
    if !differ.is_empty() {
        bail!(
            "not the same: {} (compare with diffoscope)",
            differ.join(", ")
        );
    }
    fs::remove_dir_all(&folder).context("cannot remove the clones")
}

/// What is checked out, with nothing changed.
fn commit(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let git = git.current_dir(root).args(["-c", "safe.directory=*"]);
        process::output(git.args(arguments))
    };
    let changed = git(&["status", "--porcelain"])?;
    ensure!(changed.is_empty(), "not committed:\n{changed}");
    git(&["rev-parse", "HEAD"])
}

/// What `cargo xtask package` makes in a clone. Tools are taken from here, this very program first: they are in no package.
fn packages(ground: &Ground, kinds: &[Kind], clone: &Path) -> Result<PathBuf> {
    let target = clone.join("target");
    fs::create_dir_all(target.join("package"))?;
    // By this it finds its target directory; cargo marks only what it has made itself.
    let mark = workspace::target_dir().join("CACHEDIR.TAG");
    fs::copy(mark, target.join("CACHEDIR.TAG")).context("the target directory is not marked")?;
    std::os::unix::fs::symlink(ground.work.join("tools"), target.join("package/tools"))?;
    let linkers = workspace::target_dir().join("bpf-tools");
    let mut copy = Command::new("cp");
    process::run(copy.arg("-a").arg(linkers).arg(&target))?;
    let xtask = target.join("xtask");
    fs::copy(env::current_exe()?, &xtask).context("this program cannot be copied")?;
    let mut make = Command::new(xtask);
    make.current_dir(clone)
        .args(["package", "--only", &names(kinds)])
        .args(["--revision", &ground.revision.to_string()])
        .env("CARGO_MANIFEST_DIR", clone.join("xtask"))
        .env_remove("CARGO_TARGET_DIR");
    process::run(&mut make)?;
    Ok(target.join("package/dist"))
}

fn names(kinds: &[Kind]) -> String {
    let names = kinds.iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
    names.join(",")
}
