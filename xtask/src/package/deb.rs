//! The package for Debian and Ubuntu.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ground::{self, Ground};
use super::tree::{self, Kind, Parts};
use super::{archive, glibc};
use crate::process;

/// Its scripts, and whether they are programs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Makes it, and tells where it is.
///
/// # Errors
/// Something is missing, or dpkg-deb(1) refuses.
pub(super) fn make(parts: Parts<'_>, into: &Path) -> Result<PathBuf> {
    let ground = parts.ground;
    let root = ground.empty("deb")?;
    let sources = ground.sources().join("debian");
    parts.stage(Kind::Deb, &root)?;
    let docs = root.join("usr/share/doc/finback");
    let copyright = ground::read(&sources.join("copyright"))?;
    ground::write(&docs.join("copyright"), 0o644, &copyright)?;
    let overrides = ground::read(&sources.join("lintian-overrides"))?;
    let place = root.join("usr/share/lintian/overrides/finback");
    ground::write(&place, 0o644, &overrides)?;
    let log = changelog(ground)?;
    archive::write_gzip(ground, &docs.join("changelog.Debian"), log.as_bytes())?;

    let control = control(
        &String::from_utf8(ground::read(&sources.join("control"))?)?,
        &version(ground),
        &glibc::needed(parts.binary)?,
        size(&root)?,
    );
    let about = root.join("DEBIAN");
    ground::write(&about.join("control"), 0o644, control.as_bytes())?;
    let conffiles = b"/etc/finback/finback.toml\n";
    ground::write(&about.join("conffiles"), 0o644, conffiles)?;
    let sums = sums(ground, &root)?;
    ground::write(&about.join("md5sums"), 0o644, sums.as_bytes())?;
    for script in SCRIPTS {
        let text = ground::read(&sources.join(script))?;
        ground::write(&about.join(script), 0o755, &text)?;
    }
    fs::create_dir_all(into)?;
    let deb = into.join(name(ground));
    let mut build = ground.command("dpkg-deb");
    // xz: older Debian and its tools read nothing newer.
    build.args(["--root-owner-group", "-Zxz", "--build"]);
    process::run(build.arg(&root).arg(&deb))?;
    Ok(deb)
}

/// The file's.
pub(super) fn name(ground: &Ground) -> String {
    format!("finback_{}_amd64.deb", version(ground))
}

/// As Debian counts.
fn version(ground: &Ground) -> String {
    format!("{}-{}", ground.version, ground.revision)
}

fn control(template: &str, version: &str, glibc: &str, size: u64) -> String {
    template
        .replace("@VERSION@", version)
        .replace("@SIZE@", &size.to_string())
        .replace(
            "@DEPENDS@",
            &format!("libc6 (>= {glibc}), libgcc-s1 (>= 4.2)"),
        )
}

fn changelog(ground: &Ground) -> Result<String> {
    let date = ground.date("+%a, %d %b %Y %H:%M:%S +0000")?;
    let who = "The finback authors <finback@packages.invalid>";
    Ok(format!(
        "finback ({}) unstable; urgency=medium\n\n  * What is new: changelog.gz.\n\n -- {who}  {date}\n",
        version(ground)
    ))
}

/// Kibibytes, each file and folder rounded up.
fn size(root: &Path) -> Result<u64> {
    let mut sum = 0;
    for file in tree::files(root)? {
        sum += fs::metadata(root.join(file))?.len().div_ceil(1024);
    }
    Ok(sum)
}

fn sums(ground: &Ground, root: &Path) -> Result<String> {
    let mut md5sum = ground.command("md5sum");
    md5sum.current_dir(root).arg("--");
    let files = tree::files(root)?;
    // Configuration is the administrator's.
    let files = files
        .iter()
        .filter(|file| !file.starts_with("DEBIAN") && !file.starts_with("etc"));
    process::output(md5sum.args(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_template_is_filled_in() {
        let template = include_str!("../../../agent/package/debian/control");
        let text = control(template, "1.2.3-4", "2.34", 5000);
        assert!(
            !text.contains('@') || text.matches('@').count() == 1,
            "{text}"
        );
        assert!(text.contains("Depends: libc6 (>= 2.34), libgcc-s1 (>= 4.2)\n"));
        assert!(text.contains("Version: 1.2.3-4\n") && text.contains("Installed-Size: 5000\n"));
    }
}
