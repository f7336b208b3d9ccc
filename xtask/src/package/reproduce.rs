//! Whether the same sources give the same packages: two clones of the last commit, in folders of other names and lengths,
//! each with builds of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use super::ground::Ground;
use super::{archive, tree};
use crate::{process, workspace};

const FOLDERS: [&str; 2] = ["here", "and-once-more-over-there"];

/// Makes everything twice and compares it. Prints what is the same.
///
/// # Errors
/// Something differs (it is named), or does not build.
pub(super) fn run(ground: &Ground) -> Result<()> {
    let folder = ground.empty("reproduce")?;
    let mut made = Vec::new();
    for name in FOLDERS {
        let clone = folder.join(name);
        let mut git = Command::new("git");
        git.args(["-c", "safe.directory=*", "clone", "--quiet", "--local"]);
        process::run(git.arg(&ground.root).arg(&clone))?;
        made.push(packages(ground, &clone)?);
    }
    let mut differ = Vec::new();
    for name in tree::names(&made[0])? {
        let sums = [&made[0], &made[1]].map(|dist| archive::sha256(&dist.join(&name)));
        let [one, other] = sums;
        let (one, other) = (one?, other?);
        if one == other {
            println!("{one}  {name}");
        } else {
            println!("{one}  {name} (then {other})");
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
fn packages(ground: &Ground, clone: &Path) -> Result<PathBuf> {
    let target = clone.join("target");
    fs::create_dir_all(target.join("package"))?;
    std::os::unix::fs::symlink(ground.work.join("tools"), target.join("package/tools"))?;
    let linkers = workspace::target_dir().join("bpf-tools");
    let mut copy = Command::new("cp");
    process::run(copy.arg("-a").arg(linkers).arg(&target))?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(clone)
        .args(["xtask", "package"])
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_MANIFEST_DIR");
    process::run(&mut cargo)?;
    Ok(target.join("package/dist"))
}
