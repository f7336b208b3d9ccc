//! The bill of materials: which libraries are in the program, of which version and licence (`CycloneDX`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::ground::{self, Ground};
use super::tool;
use crate::{process, workspace};

/// The name that the tool is told; it writes one beside each manifest of the workspace.
const NAME: &str = "finback-sbom.cdx";

/// Makes it, and tells where it is.
///
/// # Errors
/// The tool is not to be had, or fails.
pub(super) fn make(ground: &Ground, into: &Path) -> Result<PathBuf> {
    let tools = tool::CYCLONEDX.ensure(ground)?;
    let mut cargo = workspace::cargo();
    let all = process::output(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let all: Value = serde_json::from_str(&all)?;
    let manifests = all["packages"].as_array().into_iter().flatten();
    let manifests = manifests.filter_map(|package| package["manifest_path"].as_str());
    let made: Vec<PathBuf> = manifests
        .map(|manifest| Path::new(manifest).with_file_name(format!("{NAME}.json")))
        .collect();
    let program = tools.join(tool::CYCLONEDX.name);
    let mut command = ground.command(&program.to_string_lossy());
    command
        .env("CARGO", workspace::cargo().get_program())
        .current_dir(&ground.root)
        .args(["cyclonedx", "--format", "json", "--spec-version", "1.5"])
        .args(["--override-filename", NAME])
        .args(["--target", "x86_64-unknown-linux-gnu", "--no-build-deps"])
        .args(["--manifest-path", "agent/Cargo.toml"]);
    let done = process::run(&mut command);
    let agent = ground.root.join("agent").join(format!("{NAME}.json"));
    let text = fs::read(&agent);
    // They lie in the sources.
    for file in &made {
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    done?;
    let text = text.context("cargo-cyclonedx has written nothing")?;
    let text = everywhere_the_same(ground, serde_json::from_slice(&text)?)?;
    let sbom = into.join(format!("finback-{}.cdx.json", ground.version));
    ground::write(&sbom, 0o644, text.as_bytes())?;
    Ok(sbom)
}

/// Without what differs from machine to machine and from time to time.
fn everywhere_the_same(ground: &Ground, mut bill: Value) -> Result<String> {
    if let Some(bill) = bill.as_object_mut() {
        bill.remove("serialNumber");
    }
    bill["metadata"]["timestamp"] = json!(ground.date("+%Y-%m-%dT%H:%M:%SZ")?);
    let text = serde_json::to_string_pretty(&bill)?;
    let root = ground.root.display().to_string();
    Ok(text.replace(&root, "/finback") + "\n")
}
