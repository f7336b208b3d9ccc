//! Files with text in which others have a say.
//!
//! A process calls itself what it likes, and so do groups and mounts: any bytes but zero. Whoever reads such a file as
//! UTF-8 and stops at the first byte that is none can be blinded by a name.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// All of a file; bytes that are no text become U+FFFD.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    fs::read(path).map(text)
}

/// The same of its first bytes, so many at most.
pub(crate) fn read_at_most(path: impl AsRef<Path>, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(text(bytes))
}

fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8_lossy(&bytes) {
        std::borrow::Cow::Owned(mended) => mended,
        // Was text already: no copy.
        std::borrow::Cow::Borrowed(_) => String::from_utf8(bytes).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_replaced_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status");
        fs::write(&path, b"Name:\ta\xffb\nState:\tT (stopped)\n").unwrap();
        assert_eq!(
            read(&path).unwrap(),
            "Name:\ta\u{fffd}b\nState:\tT (stopped)\n"
        );
        assert_eq!(read_at_most(&path, 9).unwrap(), "Name:\ta\u{fffd}b");
        assert_eq!(read_at_most(&path, 6).unwrap(), "Name:\t");
    }
}
