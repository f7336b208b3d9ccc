//! A Debian that was installed, not only unpacked: by mmdebstrap, which is itself only unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process;

use super::{
    apt::{KEYRING, PrivateApt},
    mirror::Mirrors,
    store::{self, Store},
};

const RELEASE: &str = "bookworm";
/// Beside what every Debian has: an init, and what a service with a leak is made of.
const PACKAGES: &str = "dbus,iproute2,kmod,procps,python3-minimal,systemd-sysv";
/// The root of a system, installed once and then kept. Files belong to whom they belong to: that takes root.
///
/// # Errors
/// It is neither there nor to be made.
pub(crate) fn root(store: &Store, mirrors: impl FnOnce() -> Result<Mirrors>) -> Result<PathBuf> {
    let recipe = format!("{RELEASE} {PACKAGES}");
    store.folder(&store::folder_name("system", &recipe), |apt, into| {
        ensure!(
            process::is_root(),
            "a Debian with its own users is installed by root"
        );
        install(apt, &mirrors()?, into)
    })
}

fn install(apt: &PrivateApt, mirrors: &Mirrors, into: &Path) -> Result<()> {
    let tool = tempfile::tempdir()?;
    let unpacked = tool.path().join("mmdebstrap");
    apt.unpack(&["mmdebstrap"], &unpacked)?;
    let mut install = Command::new("perl");
    install
        .arg(unpacked.join("usr/bin/mmdebstrap"))
        .args(["--quiet", "--mode=root", "--variant=minbase"])
        .arg(format!("--include={PACKAGES}"))
        .args(["--format=directory", RELEASE])
        .arg(into);
    for (address, suite) in [
        (&mirrors.archive, RELEASE.to_owned()),
        (&mirrors.security, format!("{RELEASE}-security")),
    ] {
        install.arg(format!("deb [signed-by={KEYRING}] {address} {suite} main"));
    }
    process::run(&mut install).context("mmdebstrap does not install a Debian")
}
