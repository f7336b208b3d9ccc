//! The guest's programs: Debian packages, reduced to what is needed to boot quickly.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    process,
    vm::debian::{
        apt::PrivateApt,
        platform::Platform,
        store::{self, Store},
    },
};

use super::{
    cpio::{Archive, MERGED},
    elf, python,
};

/// What decides what the user land is made of: any change of it makes a new one.
const RECIPE: &str = concat!(include_str!("userland.rs"), include_str!("python.rs"));

/// Packages of the programs, each with the packages of its libraries. glibc is that of the programs under test.
const PACKAGES: &[&str] = &[
    "busybox-static",
    "dash",
    "netcat-openbsd",
    "libbsd0",
    "libmd0",
    // Programs that start others: busybox's own would start busybox's ip, tc, nc and sh
    "coreutils",
    "util-linux",
    "libc-bin",
    "findutils",
    // ip, ss, tc
    "iproute2",
    "libxtables12",
    "libmnl0",
    "libbpf1",
    "libelf1",
    "zlib1g",
    "libcap2",
    "libselinux1",
    "libpcre2-8-0",
    "libtirpc3",
    "libgssapi-krb5-2",
    "libkrb5-3",
    "libk5crypto3",
    "libkrb5support0",
    "libcom-err2",
    "libkeyutils1",
    // nft
    "nftables",
    "libnftables1",
    "libnftnl11",
    "libjansson4",
    "libgmp10",
    "libedit2",
    "libtinfo6",
    // tcpstates
    "libbpf-tools",
    // python3 with socket, select, subprocess, json, signal, threading, ctypes, ssl; requests
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libbz2-1.0",
    "libssl3",
    "python3-requests",
    "python3-urllib3",
    "python3-six",
    "python3-idna",
    "python3-certifi",
    "python3-chardet",
    "python3-charset-normalizer",
];

/// Files taken from the packages; their libraries follow by themselves.
const PROGRAMS: &[&str] = &[
    "bin/busybox",
    "bin/dash",
    "bin/nc.openbsd",
    "usr/bin/env",
    "usr/bin/getent",
    "usr/bin/nsenter",
    "usr/bin/setsid",
    "usr/bin/stdbuf",
    "usr/libexec/coreutils/libstdbuf.so",
    "usr/bin/taskset",
    "usr/bin/timeout",
    "usr/bin/unshare",
    "usr/bin/xargs",
    "usr/sbin/chroot",
    "bin/ip",
    "bin/ss",
    "sbin/tc",
    "usr/sbin/nft",
    "usr/sbin/tcpstates",
    "usr/sbin/tcplife",
    "usr/bin/python3.11",
];

const LINKS: &[(&str, &str)] = &[
    ("usr/bin/sh", "dash"),
    ("usr/bin/nc", "nc.openbsd"),
    ("usr/bin/python3", "python3.11"),
    ("usr/sbin/modprobe", "../bin/busybox"), // the kernel calls it by this path
    ("etc/mtab", "/proc/self/mounts"),
];

/// The archive of the user land, built once and then cached. It follows its recipe and not the packages' versions: any version will do.
pub(crate) fn archive(store: &Store, platform: &Platform) -> Result<PathBuf> {
    let name = store::folder_name("userland", RECIPE);
    let folder = store.folder(&name, |apt, into| build(platform, apt, into))?;
    Ok(folder.join("userland.cpio"))
}

fn build(platform: &Platform, apt: &PrivateApt, into: &Path) -> Result<()> {
    let work = tempfile::tempdir_in(into)?;
    let root = work.path();
    apt.unpack(PACKAGES, root)?;
    python::reduce(platform, root)?;

    let mut land = Land {
        platform,
        root,
        archive: Archive::default(),
    };
    for name in MERGED {
        land.archive.symlink(name, &format!("usr/{name}"))?;
    }
    for program in PROGRAMS {
        land.program(program)?;
    }
    land.tree(python::LIBRARY)?;
    land.tree(python::PACKAGES)?;
    land.applets()?;
    for (link, target) in LINKS {
        land.archive.symlink(link, target)?;
    }
    fs::write(into.join("userland.cpio"), land.archive.finish()?)?;
    Ok(())
}

/// The archive under construction and the unpacked packages it is made from.
struct Land<'a> {
    platform: &'a Platform,
    root: &'a Path,
    archive: Archive,
}

impl Land<'_> {
    /// One file, with the libraries that it needs.
    fn program(&mut self, path: &str) -> Result<()> {
        let file = self.root.join(path);
        let bytes = fs::read(&file).with_context(|| format!("no {path} in the packages"))?;
        self.archive
            .file(path, fs::metadata(&file)?.permissions().mode(), &bytes)?;
        if elf::is_dynamic(&bytes) {
            let search = self.platform.arch.library_dirs(self.root);
            for library in elf::libraries(self.platform, &file, &search)? {
                self.library(path, &library)?;
            }
        }
        Ok(())
    }

    fn library(&mut self, user: &str, library: &elf::Library) -> Result<()> {
        if elf::is_glibc(&library.name) {
            return Ok(());
        }
        if !library.path.starts_with(self.root) {
            bail!(
                "{user} needs {}, which no package of the user land brings",
                library.name
            );
        }
        let guest = format!("{}/{}", self.platform.arch.library_dir(), library.name);
        if !self.archive.contains(&guest) {
            self.archive
                .file(&guest, 0o755, &fs::read(&library.path)?)?;
        }
        Ok(())
    }

    fn tree(&mut self, path: &str) -> Result<()> {
        let mut names: Vec<_> = fs::read_dir(self.root.join(path))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.sort();
        for name in names {
            let path = format!("{path}/{name}");
            let kind = fs::symlink_metadata(self.root.join(&path))?.file_type();
            if kind.is_dir() {
                self.tree(&path)?;
            } else if kind.is_file() && Path::new(&path).extension() != Some("py".as_ref()) {
                self.program(&path)?;
            }
        }
        Ok(())
    }

    /// A link for each of busybox's programs that no package brings as itself.
    fn applets(&mut self) -> Result<()> {
        let list = process::output(
            self.platform
                .command(&self.root.join("bin/busybox"))
                .arg("--list"),
        )?;
        for applet in list.lines() {
            let taken = ["usr/bin", "usr/sbin"].map(|dir| format!("{dir}/{applet}"));
            let linked = LINKS
                .iter()
                .any(|(link, _)| taken.iter().any(|path| path == link));
            if !linked && !taken.iter().any(|path| self.archive.contains(path)) {
                self.archive.symlink(&taken[0], "busybox")?;
            }
        }
        Ok(())
    }
}
