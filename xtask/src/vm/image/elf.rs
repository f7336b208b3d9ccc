//! Which shared libraries a program needs: asked of the dynamic loader itself.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use object::{
    Endianness,
    elf::{FileHeader64, PT_DYNAMIC, PT_INTERP},
    read::elf::{FileHeader as _, ProgramHeader as _},
};

use crate::vm::debian::platform::Platform;

/// glibc's own libraries share private symbols and must come from one build: that which the programs under test are
/// linked against. The guest's other programs run with a newer one.
const GLIBC: [&str; 9] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libnss_dns.so.2",
    "libnss_files.so.2",
];

/// A library as the loader found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// Whether `bytes` is a 64-bit ELF file with a dynamic section or an interpreter.
pub(crate) fn is_dynamic(bytes: &[u8]) -> bool {
    let Ok(header) = FileHeader64::<Endianness>::parse(bytes) else {
        return false;
    };
    let segments = header
        .endian()
        .and_then(|endian| Ok((endian, header.program_headers(endian, bytes)?)));
    segments.is_ok_and(|(endian, all)| {
        all.iter()
            .any(|segment| matches!(segment.p_type(endian), PT_DYNAMIC | PT_INTERP))
    })
}

/// Everything `file` needs, searched first in `search` and then where the loader looks.
pub(crate) fn libraries(
    platform: &Platform,
    file: &Path,
    search: &[PathBuf],
) -> Result<Vec<Library>> {
    let loader = platform.loader();
    let mut command = platform.command(&loader);
    let own = platform.libraries();
    let search: Vec<_> = search.iter().chain(own.as_ref()).collect();
    if !search.is_empty() {
        let joined = std::env::join_paths(search)?;
        command
            .arg("--inhibit-cache")
            .arg("--library-path")
            .arg(joined);
    }
    let output = command
        .arg("--list")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", loader.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "cannot list the libraries of {}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    parse(&said, platform.arch.loader())
        .with_context(|| format!("cannot run {} in a guest", file.display()))
}

/// The glibc of programs under test, loader excluded.
pub(crate) fn glibc(platform: &Platform) -> Result<Vec<Library>> {
    let dir = match platform.libraries() {
        Some(dir) => dir,
        None => own_glibc(platform)?,
    };
    Ok(GLIBC
        .iter()
        .map(|name| Library {
            name: (*name).to_owned(),
            path: dir.join(name),
        })
        .filter(|library| library.path.exists())
        .collect())
}

/// The folder of the glibc that this program runs with.
fn own_glibc(platform: &Platform) -> Result<PathBuf> {
    // Not by its name: it may have been built anew since it was started.
    let own = format!("/proc/{}/exe", std::process::id());
    let libc = libraries(platform, Path::new(&own), &[])?
        .into_iter()
        .find(|library| library.name == GLIBC[0]);
    let libc = libc.context("this program is not linked against glibc")?;
    let dir = libc.path.parent().context("glibc lies in no folder")?;
    Ok(dir.to_owned())
}

/// Whether the library belongs to glibc.
pub(crate) fn is_glibc(name: &str) -> bool {
    GLIBC.contains(&name)
}

/// Lines `name => path (address)`; the loader's own and the vDSO's line have no arrow.
fn parse(text: &str, loader: &str) -> Result<Vec<Library>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((name, rest)) = line.trim().split_once(" => ") else {
            continue;
        };
        if rest.starts_with("not found") {
            bail!("no library {name}");
        }
        let path = rest.rsplit_once(" (").map_or(rest, |(path, _)| path);
        if !loader.ends_with(name) {
            found.push(Library {
                name: name.to_owned(),
                path: PathBuf::from(path),
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_listing_gives_names_and_paths() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                    \tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = Library {
            name: "libz.so.1".into(),
            path: "/lib/x86_64-linux-gnu/libz.so.1".into(),
        };
        let loader = "/lib64/ld-linux-x86-64.so.2";
        assert_eq!(parse(text, loader).unwrap(), [expected]);
        assert_eq!(parse("\tstatically linked\n", loader).unwrap(), []);
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = parse("\tlibnone.so.3 => not found\n", "/ld.so").unwrap_err();
        assert!(error.to_string().contains("libnone.so.3"), "{error}");
    }

    #[test]
    fn this_test_itself_is_dynamic_and_text_is_not() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(is_dynamic(&own));
        assert!(!is_dynamic(b"#!/bin/sh\n"));
        assert!(!is_dynamic(b"\x7fELF\x02\x01 cut short"));
    }
}
