//! Puts a guest's whole file system together: user land, modules, files under test, steps.

use std::{
    fs,
    io::Write as _,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, Result};

use crate::vm::debian::{arch::Arch, kernel::Kernel, platform::Platform, tools::Tools};

use super::{cpio::Archive, debian, elf, modules};

const INIT: &str = include_str!("init.sh");
const STEPS: &str = include_str!("steps.sh");
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";

/// A file or folder of the host and its place in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestFile {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
}

impl FromStr for GuestFile {
    type Err = String;

    /// `HOST` or `HOST:GUEST`; without a place the file goes to the guest's root.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, guest) = if let Some((host, guest)) = text.rsplit_once(':') {
            (Path::new(host), guest.to_owned())
        } else {
            let host = Path::new(text);
            let name = host.file_name().ok_or("names no file")?;
            (host, format!("/{}", name.to_string_lossy()))
        };
        Ok(Self {
            host: host.to_owned(),
            guest,
        })
    }
}

/// One program to run in a guest.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Tells the step's output apart, for example the flavour.
    pub(crate) label: String,
    pub(crate) command: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Whether the program is a test binary, whose summary line is counted.
    pub(crate) is_test: bool,
    /// Whether its tests run one after the other.
    pub(crate) in_a_row: bool,
}

impl Step {
    /// The test binary `/BINARY`.
    pub(crate) fn test(label: &str, binary: &str, env: &[(&str, String)]) -> Self {
        Self {
            label: label.to_owned(),
            command: vec![format!("/{binary}")],
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            is_test: true,
            in_a_row: true,
        }
    }

    /// Any program, its arguments with it.
    pub(crate) fn command(words: &[String]) -> Self {
        Self {
            label: String::new(),
            command: words.to_vec(),
            env: Vec::new(),
            is_test: false,
            in_a_row: false,
        }
    }

    fn script(&self) -> String {
        let mut text = String::from("cd /\n");
        for (name, value) in &self.env {
            text = text + "export " + name + "=" + &quoted(value) + "\n";
        }
        let words: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        text + "exec " + &words.join(" ") + "\n"
    }
}

/// What a guest's file system is made of, before what belongs to a run.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// A few programs, in an archive, and our own first process.
    Userland(PathBuf),
    /// A Debian that was installed in this folder.
    Debian(PathBuf),
}

/// A guest's file system in a file without a name, so that nothing is left of it whatever happens.
#[derive(Debug)]
pub(crate) struct Initramfs(fs::File);

impl Initramfs {
    /// Where a child of this process finds it, as long as this value lives.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

/// Writes the guest's file system to a temporary file in `dir`. The kernel unpacks one archive
/// after the other: the user land as it is, then what belongs to this run.
pub(crate) fn write(
    dir: &Path,
    tools: &Tools,
    platform: &Platform,
    base: &Base,
    kernel: &Kernel,
    files: &[GuestFile],
    steps: &[Step],
) -> Result<Initramfs> {
    let mut archive = Archive::default();
    let mut out = tempfile::tempfile_in(dir)?;
    match base {
        Base::Userland(packed) => {
            let packed =
                fs::read(packed).with_context(|| format!("cannot read {}", packed.display()))?;
            out.write_all(&packed)?;
            skeleton(&mut archive)?;
            add_glibc(&mut archive, platform)?;
        }
        Base::Debian(root) => debian::add(&mut archive, root)?,
    }
    modules::add(&mut archive, tools, &kernel.modules(), &kernel.version)?;
    for file in files {
        add(&mut archive, platform, &file.host, &file.guest)?;
    }
    archive.symlink("guest/results", results(platform.arch))?;
    for (index, step) in steps.iter().enumerate() {
        let path = format!("guest/steps/{index:03}");
        archive.file(&path, 0o644, step.script().as_bytes())?;
    }
    out.write_all(&archive.finish()?)?;
    Ok(Initramfs(out))
}

/// The serial line that is not the console.
fn results(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "/dev/ttyS1",
        // Beside the board's own line (`ttyAMA0`), one on its PCI bus.
        Arch::Arm64 => "/dev/ttyS0",
    }
}

fn skeleton(archive: &mut Archive) -> Result<()> {
    for dir in ["dev", "proc", "sys", "tmp", "run", "root", "etc", "var/tmp"] {
        archive.dir(dir)?;
    }
    // The kernel opens it as the first process's output before anything is mounted.
    archive.character_device("dev/console", 5, 1)?;
    archive.symlink("var/run", "/run")?;
    archive.file("etc/hosts", 0o644, HOSTS.as_bytes())?;
    archive.file("etc/passwd", 0o644, PASSWD.as_bytes())?;
    archive.file("etc/group", 0o644, GROUP.as_bytes())?;
    archive.file("init", 0o755, INIT.as_bytes())?;
    archive.file("guest/steps.sh", 0o644, STEPS.as_bytes())?;
    Ok(())
}

/// Not part of the cached user land, which would go stale when the host updates its glibc.
fn add_glibc(archive: &mut Archive, platform: &Platform) -> Result<()> {
    let loader = fs::read(platform.loader())?;
    archive.file(platform.arch.loader(), 0o755, &loader)?;
    for library in elf::glibc(platform)? {
        add_library(archive, platform, &library)?;
    }
    Ok(())
}

fn add_library(archive: &mut Archive, platform: &Platform, library: &elf::Library) -> Result<()> {
    let guest = format!("{}/{}", platform.arch.library_dir(), library.name);
    if !archive.contains(&guest) {
        archive.file(&guest, 0o755, &fs::read(&library.path)?)?;
    }
    Ok(())
}

/// A file with the libraries it needs on the host, or a folder with all that is in it.
fn add(archive: &mut Archive, platform: &Platform, host: &Path, guest: &str) -> Result<()> {
    let meta = fs::metadata(host).with_context(|| format!("no file {}", host.display()))?;
    if meta.is_dir() {
        archive.dir(guest)?;
        let mut entries: Vec<PathBuf> = fs::read_dir(host)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        entries.sort();
        for entry in entries {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            add(archive, platform, &entry, &format!("{guest}/{name}"))?;
        }
        return Ok(());
    }
    let bytes = fs::read(host).with_context(|| format!("cannot read {}", host.display()))?;
    if elf::is_dynamic(&bytes) {
        for library in elf::libraries(platform, host, &[])? {
            add_library(archive, platform, &library)?;
        }
    }
    archive.file(guest, meta.permissions().mode(), &bytes)?;
    Ok(())
}

/// A word that the shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_script_with_every_word_quoted() {
        let step = Step {
            label: String::new(),
            command: ["sh", "-c", "echo 'a b' $HOME"].map(String::from).into(),
            env: vec![("K".into(), "it's".into())],
            is_test: false,
            in_a_row: false,
        };
        assert_eq!(
            step.script(),
            "cd /\nexport K='it'\\''s'\nexec 'sh' '-c' 'echo '\\''a b'\\'' $HOME'\n"
        );
    }

    #[test]
    fn a_file_goes_to_the_guest_s_root_unless_told_otherwise() {
        let file: GuestFile = "a/b.py".parse().unwrap();
        assert_eq!(file.guest, "/b.py");
        let file: GuestFile = "a/b.py:/opt/c.py".parse().unwrap();
        assert_eq!(
            (file.host, file.guest.as_str()),
            (PathBuf::from("a/b.py"), "/opt/c.py")
        );
    }

    #[test]
    fn a_program_brings_its_libraries_and_a_folder_its_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.py"), "pass").unwrap();
        let mut archive = Archive::default();
        let own = Platform::own();
        add(&mut archive, &own, dir.path(), "/scenarios").unwrap();
        let program = std::env::current_exe().unwrap();
        add(&mut archive, &own, &program, "/live").unwrap();
        for path in [
            "scenarios/x.py",
            "live",
            "usr/lib/x86_64-linux-gnu/libc.so.6",
        ] {
            assert!(archive.contains(path), "{path}");
        }
    }
}
