//! Reduces Python's library to what scenario programs import, as byte code.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{process, vm::debian::platform::Platform};

/// Python's library in the packages and in the guest.
pub(crate) const LIBRARY: &str = "usr/lib/python3.11";
/// Where the distribution's packages put theirs.
pub(crate) const PACKAGES: &str = "usr/lib/python3/dist-packages";
/// Folders of Python's library that no test needs, and modules that would need more libraries.
const WITHOUT: &[&str] = &[
    "_codecs_",
    "_crypt",
    "_ctypes_test",
    "_curses",
    "_dbm",
    "_sqlite3",
    "_test",
    "_uuid",
    "_xxtestfuzz",
    "__phello__",
    "config-",
    "curses",
    "dbm",
    "distutils",
    "ensurepip",
    "lib2to3",
    "nis.",
    "ossaudiodev",
    "pydoc",
    "readline",
    "sqlite3",
    "test",
    "tkinter",
    "venv",
    "xml",
    "xx",
    "LICENSE",
];

/// Removes what is not needed below the unpacked packages in `root` and compiles the rest.
pub(crate) fn reduce(platform: &Platform, root: &Path) -> Result<()> {
    prune(&root.join(LIBRARY))?;
    compile(platform, root, LIBRARY, "socket.pyc")?;
    compile(platform, root, PACKAGES, "requests/__init__.pyc")
}

fn prune(dir: &Path) -> Result<()> {
    for dir in [dir.to_owned(), dir.join("lib-dynload")] {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !WITHOUT.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Byte code instead of sources: compiling each import would take seconds in an emulated guest,
/// and every megabyte of the archive costs it time to unpack.
fn compile(platform: &Platform, root: &Path, folder: &str, made: &str) -> Result<()> {
    let own = platform.libraries();
    let search = std::env::join_paths(own.into_iter().chain(platform.arch.library_dirs(root)))?;
    let mut python = platform.command(&platform.loader());
    python
        .arg("--library-path")
        .arg(search)
        .arg(root.join("usr/bin/python3.11"));
    python.env("PYTHONHOME", root.join("usr"));
    python.args([
        "-S",
        "-m",
        "compileall",
        "-q",
        "-b",
        "--invalidation-mode",
        "unchecked-hash",
    ]);
    python
        .arg("-s")
        .arg(root)
        .args(["-p", "/"])
        .arg(root.join(folder));
    process::output(&mut python).with_context(|| format!("cannot compile Python's {folder}"))?;
    ensure!(
        root.join(folder).join(made).exists(),
        "Python compiled nothing in {folder}"
    );
    Ok(())
}
