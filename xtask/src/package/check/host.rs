//! What this machine can tell of packages.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::package::ground::Ground;
use crate::process;
use crate::stage::Verdict;

/// A program that is not everywhere.
fn missing(program: &str) -> Option<Verdict> {
    process::find(program)
        .is_none()
        .then(|| Verdict::Skipped(format!("there is no {program} here")))
}

/// Whether systemd understands all of the unit.
pub(super) fn unit(ground: &Ground) -> Result<Verdict> {
    if let Some(skipped) = missing("systemd-analyze") {
        return Ok(skipped);
    }
    // A program of that name must be there.
    let folder = ground.empty("unit")?;
    let unit = folder.join("finback.service");
    let text = std::fs::read_to_string(ground.sources().join("finback.service"))?;
    std::fs::write(&unit, text.replace("/usr/bin/finback", "/bin/true"))?;
    let mut verify = Command::new("systemd-analyze");
    let said = verify.args(["verify", "--man=no"]).arg(&unit).output()?;
    let said = String::from_utf8_lossy(&said.stderr);
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("finback.service"))
        .collect();
    ensure!(ours.is_empty(), "{}", ours.join("\n"));
    Ok(Verdict::Passed)
}

/// Debian's own judge.
pub(super) fn lintian(deb: &Path) -> Result<Verdict> {
    if let Some(skipped) = missing("lintian") {
        return Ok(skipped);
    }
    let mut lintian = Command::new("lintian");
    let said = process::output(lintian.args(["--fail-on", "error,warning"]).arg(deb))?;
    print!("{said}");
    Ok(Verdict::Passed)
}

/// Unpacks it and starts the program; the scripts are no nonsense.
pub(super) fn runs(deb: &Path) -> Result<Verdict> {
    let dir = tempfile::tempdir()?;
    let unpack = |how: &str, into: &Path| {
        let mut dpkg = Command::new("dpkg-deb");
        process::run(dpkg.arg(how).arg(deb).arg(into))
    };
    let (root, about) = (dir.path().join("root"), dir.path().join("about"));
    unpack("--extract", &root)?;
    unpack("--control", &about)?;
    let program = root.join("usr/bin/finback");
    let version = process::output(Command::new(program).arg("--version"))?;
    ensure!(version.starts_with("finback "), "{version}");
    for script in ["postinst", "prerm", "postrm"] {
        process::run(Command::new("sh").arg("-n").arg(about.join(script)))?;
    }
    for file in [
        "etc/finback/finback.toml",
        "usr/lib/systemd/system/finback.service",
        "usr/share/bash-completion/completions/finback",
        "usr/share/doc/finback/examples/alerts.yml",
        "usr/share/doc/finback/verdicts/eof_unread.md",
        "usr/share/man/man1/finback-run.1.gz",
    ] {
        ensure!(root.join(file).is_file(), "no {file}");
    }
    let sums = about.join("md5sums");
    let mut check = Command::new("md5sum");
    process::output(
        check
            .current_dir(&root)
            .args(["--check", "--quiet"])
            .arg(sums),
    )?;
    Ok(Verdict::Passed)
}

/// What rpm reads in it, and that it unpacks.
pub(super) fn rpm(ground: &Ground) -> Result<Verdict> {
    let name = format!("finback-{}-{}.x86_64.rpm", ground.version, ground.revision);
    let file = ground.dist.join(name);
    if !file.is_file() {
        return Ok(Verdict::Skipped("none was made".to_owned()));
    }
    if let Some(skipped) = missing("rpm") {
        return Ok(skipped);
    }
    let dir = tempfile::tempdir()?;
    let rpm = |arguments: &[&str]| {
        let mut rpm = Command::new("rpm");
        rpm.arg("--dbpath").arg(dir.path().join("db"));
        process::output(rpm.args(arguments).arg(&file))
    };
    let digests = rpm(&["--checksig", "--nosignature"])?;
    ensure!(digests.contains("digests OK"), "{digests}");
    let files = rpm(&["-qp", "--list"])?;
    for place in [
        "/usr/bin/finback",
        "/usr/lib/systemd/system/finback.service",
        "/usr/share/doc/finback/verdicts/eof_unread.md",
    ] {
        ensure!(files.lines().any(|line| line == place), "no {place}");
    }
    let configuration = rpm(&["-qp", "--configfiles"])?;
    ensure!(
        configuration.trim() == "/etc/finback/finback.toml",
        "{configuration}"
    );
    let root = dir.path().join("root");
    let root = root.display().to_string();
    rpm(&["--root", &root, "--nodeps", "--noscripts", "-i"])?;
    let program = format!("{root}/usr/bin/finback");
    let version = process::output(Command::new(program).arg("--version"))?;
    ensure!(version.starts_with("finback "), "{version}");
    Ok(Verdict::Passed)
}

/// The program starts in a root in which nothing else is.
pub(super) fn tarball(ground: &Ground) -> Result<Verdict> {
    let name = format!("finback-{}-x86_64-linux-musl", ground.version);
    let file = ground.dist.join(format!("{name}.tar.gz"));
    if !file.is_file() {
        return Ok(Verdict::Skipped("none was made".to_owned()));
    }
    if !process::is_root() {
        return Ok(Verdict::Skipped("only root can change its root".to_owned()));
    }
    let dir = tempfile::tempdir()?;
    let mut tar = Command::new("tar");
    process::run(tar.arg("-xzf").arg(&file).arg("-C").arg(dir.path()))?;
    let root = dir.path().join(&name);
    let mut alone = Command::new("chroot");
    let version = process::output(alone.arg(&root).args(["/finback", "--version"]))?;
    ensure!(version.starts_with("finback "), "{version}");
    let mut libraries = Command::new("ldd");
    let said = libraries.arg(root.join("finback")).output()?;
    let said = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    ensure!(!said.contains("=>"), "it needs libraries: {said}");
    Ok(Verdict::Passed)
}

/// A container engine takes it and starts it.
pub(super) fn image(ground: &Ground) -> Result<Verdict> {
    let file = ground
        .dist
        .join(format!("finback-{}-oci.tar", ground.version));
    if !file.is_file() {
        return Ok(Verdict::Skipped("none was made".to_owned()));
    }
    if let Some(skipped) = missing("podman") {
        return Ok(skipped);
    }
    // A store of its own: nothing of it is left, and nothing of the machine's is touched.
    let dir = tempfile::tempdir()?;
    let podman = |arguments: &[&str]| {
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(dir.path().join("root"));
        podman.arg("--runroot").arg(dir.path().join("run"));
        podman.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]);
        // crun runs nothing where control groups are a mixture of both versions.
        if process::find("runc").is_some() {
            podman.args(["--runtime", "runc"]);
        }
        process::output(podman.args(arguments))
    };
    let archive = format!("oci-archive:{}", file.display());
    let id = podman(&["pull", "--quiet", &archive])?;
    // No more than most machines may give.
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=512:512"];
    let alone = ["run", "--rm", "--network", "none"];
    let what = [id.trim(), "--version"];
    match podman(&[&alone[..], &limits[..], &what[..]].concat()) {
        Ok(said) => ensure!(said.starts_with("finback "), "{said}"),
        // Some machines have no room for a container's control group.
        Err(error) => {
            let inspected = podman(&["image", "inspect", id.trim()])?;
            ensure!(inspected.contains("/usr/bin/finback"), "{inspected}");
            let why = format!("podman takes the image, but runs nothing here: {error:#}");
            return Ok(Verdict::Skipped(why));
        }
    }
    Ok(Verdict::Passed)
}

/// As those who fetch it check it.
pub(super) fn sums(ground: &Ground) -> Result<Verdict> {
    let mut check = Command::new("sha256sum");
    check.current_dir(&ground.dist);
    if let Err(error) = process::output(check.args(["--check", "--quiet", "SHA256SUMS"])) {
        bail!("SHA256SUMS: {error:#}");
    }
    Ok(Verdict::Passed)
}
