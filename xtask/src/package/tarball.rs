//! The static program with all that belongs to it, for every other Linux.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::archive;
use super::ground;
use super::tree::{Kind, Parts};

/// Makes it, and tells where it is.
///
/// # Errors
/// Something is missing.
pub(super) fn make(parts: Parts<'_>, into: &Path) -> Result<PathBuf> {
    let ground = parts.ground;
    let name = format!("finback-{}-x86_64-linux-musl", ground.version);
    let folder = ground.empty("tarball")?;
    let root = folder.join(&name);
    let put = |place: &str, mode, from: &Path| {
        ground::write(&root.join(place), mode, &ground::read(from)?)
    };
    put("finback", 0o755, parts.binary)?;
    put(
        "finback.service",
        0o644,
        &ground.sources().join("finback.service"),
    )?;
    put(
        "finback.toml",
        0o644,
        &ground.root.join("docs/finback.toml"),
    )?;
    for text in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        put(text, 0o644, &ground.root.join(text))?;
    }
    parts.man(&root.join("man/man1"))?;
    parts.completions(Kind::Rpm, &root.join("completions"))?;
    parts.docs(&root.join("docs"))?;
    std::fs::create_dir_all(into)?;
    let tar = into.join(format!("{name}.tar"));
    archive::tar(ground, &folder, &[&name], &tar)?;
    archive::gzip(ground, &tar)?;
    Ok(into.join(format!("{name}.tar.gz")))
}
