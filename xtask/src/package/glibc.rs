//! Which glibc a program needs: the newest version that one of its symbols names.

use std::path::Path;

use anyhow::{Context as _, Result};
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::FileHeader as _;

use super::ground;

type Elf = FileHeader64<Endianness>;

/// The version, such as `2.34`.
///
/// # Errors
/// It is no program that is linked to glibc.
pub(super) fn needed(program: &Path) -> Result<String> {
    let data = ground::read(program)?;
    let names = versions(&data).context("the program's symbols cannot be read")?;
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_prefix("GLIBC_"))
        .filter_map(parse);
    let (major, minor) = numbers.max().context("the program needs no glibc")?;
    Ok(format!("{major}.{minor}"))
}

/// `2.2.5` counts as 2.2.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn versions(data: &[u8]) -> object::Result<Vec<String>> {
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut names = Vec::new();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, data)? else {
        return Ok(names);
    };
    let strings = sections.strings(endian, data, link)?;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = version.name(endian, strings)?;
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert!(parse("2.34") > parse("2.4"));
        assert_eq!(parse("2.2.5"), Some((2, 2)));
        assert_eq!(parse("PRIVATE"), None);
    }

    #[test]
    fn this_very_test_needs_one() {
        let needed = needed(&std::env::current_exe().unwrap()).unwrap();
        assert!(parse(&needed) >= Some((2, 2)), "{needed}");
    }
}
