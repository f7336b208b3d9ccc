//! Headers as people write them, and those that only a file for root may hold.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hyper::header::{self, HeaderName, HeaderValue};
use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::file;

/// Bytes that a file may have.
const MAX_BYTES: u64 = 64 * 1024;

/// A header of every request. Its value is never shown.
pub fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = HeaderName::try_from(name.trim());
    let name = parsed.map_err(|_any| format!("{name:?} cannot be the name of a header"))?;
    if OURS.contains(&name) {
        return Err(format!("leave out {name}: finback sets it"));
    }
    let parsed = HeaderValue::try_from(value.trim());
    let mut value =
        parsed.map_err(|_any| format!("the value of {name} is not fit for a header"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

const OURS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TRANSFER_ENCODING,
];

/// Reads `name: value` lines. The file is this user's or root's, and nobody else may read it: it is meant for secrets.
pub fn read(path: &Path) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let file = file::open(path, OFlags::empty()).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let (owner, own) = (about.uid(), geteuid().as_raw());
    if owner != own && owner != 0 {
        let path = path.display();
        return Err(format!(
            "{path} belongs to user {owner}, who could have written anything into it: chown {own} {path}"
        ));
    }
    if about.mode() & 0o077 != 0 {
        let path = path.display();
        return Err(format!("others may read {path}: chmod 600 {path}"));
    }
    let text = file::whole(file, MAX_BYTES).map_err(failed)?;
    let text = String::from_utf8(text).map_err(|error| failed(io::Error::other(error)))?;
    let lines = text.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, number)| {
            let pair = line.split_once(':').ok_or("write it as `name: value`");
            let header = pair.map_err(str::to_owned);
            let header = header.and_then(|(name, value)| parse(name, value));
            header.map_err(|error| format!("{}:{number}: {error}", path.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value_and_its_value_is_a_secret() {
        let (name, value) = parse("Authorization", " Bearer x ").unwrap();
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("authorization", "Bearer x")
        );
        assert!(!format!("{value:?}").contains("Bearer"));
        for (name, value, said) in [
            ("a b", "x", "cannot be the name"),
            ("", "x", "cannot be the name"),
            ("x-a", "a\nb", "not fit for a header"),
            ("Content-Type", "x", "finback sets it"),
        ] {
            let error = parse(name, value).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_file_of_headers_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        fs::write(
            &path,
            "# of the tenant\n\nauthorization: Bearer a:b\nx-tenant: 7\n",
        )
        .unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.contains("others may read"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let headers = read(&path).unwrap();
        assert_eq!(headers[0].1, "Bearer a:b");
        assert_eq!(headers[1].0, "x-tenant");
        fs::write(&path, "\nbearer x\n").unwrap();
        let error = read(&path).unwrap_err();
        assert!(
            error.ends_with("headers:2: write it as `name: value`"),
            "{error}"
        );
    }

    /// A line that is cut would be another header.
    #[test]
    fn what_is_too_long_or_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (path, pipe) = (folder.path().join("headers"), folder.path().join("pipe"));
        let most = usize::try_from(MAX_BYTES).unwrap();
        for (length, accepted) in [(most, true), (most + 1, false)] {
            fs::write(&path, format!("#{}", "x".repeat(length - 1))).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(read(&path).is_ok(), accepted, "{length}");
        }
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(read(&pipe).unwrap_err().ends_with("it is no file"));
        if geteuid().is_root() {
            fs::write(&path, "a: b\n").unwrap();
            chown(&path, Some(65534), None).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains("belongs to user 65534"), "{error}");
        }
    }
}
