//! Files of the repository that are made from the program's own definitions.

use std::fs;
use std::path::PathBuf;

/// A path from the repository's root.
pub(crate) fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(file)
}

/// Compares a file with what it should say. With `BLESS=1` in the environment it is written instead.
pub(crate) fn assert_file(file: &str, expected: &str) {
    let path = path(file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is out of date: run this test with BLESS=1",
        path.display()
    );
}
