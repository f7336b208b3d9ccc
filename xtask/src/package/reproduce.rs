//! Whether the same sources give the same packages: this checkout, and a clone of its commit in a folder of another name and
//! length, with builds of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
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
    let mut git = Command::new("git");
    git.current_dir(&ground.root)
        .args(["-c", "safe.directory=*", "status", "--porcelain"]);
    let changed = process::output(&mut git)?;
    ensure!(changed.is_empty(), "not committed:\n{changed}");
    if ground.dist.exists() {
        fs::remove_dir_all(&ground.dist)?;
    }
    made::make(ground, kinds)?;
    let folder = ground.empty("reproduce")?;
    let clone = folder.join(FOLDER);
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "clone", "--quiet", "--local"]);
    process::run(git.arg(&ground.root).arg(&clone))?;
    let other = packages(ground, kinds, &clone)?;
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

/// What a clone's own `cargo xtask package` makes. Tools are taken from here: they are in no package.
fn packages(ground: &Ground, kinds: &[Kind], clone: &Path) -> Result<PathBuf> {
    let target = clone.join("target");
    fs::create_dir_all(target.join("package"))?;
    std::os::unix::fs::symlink(ground.work.join("tools"), target.join("package/tools"))?;
    let linkers = workspace::target_dir().join("bpf-tools");
    let mut copy = Command::new("cp");
    process::run(copy.arg("-a").arg(linkers).arg(&target))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(clone)
        .args(["xtask", "package", "--only", &names(kinds)])
        .args(["--revision", &ground.revision.to_string()])
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_MANIFEST_DIR");
    process::run(&mut cargo)?;
    Ok(target.join("package/dist"))
}

fn names(kinds: &[Kind]) -> String {
    let names = kinds.iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
    names.join(",")
}
