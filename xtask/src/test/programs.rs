//! The real programs at the other end of what is tested: packages of Debian, fetched and unpacked below the target
//! directory, and named to the tests. Nothing is installed.

use std::process::Command;

use super::binaries::TestBinary;
use crate::vm;

/// What a test target needs.
struct Need {
    target: &'static str,
    /// What tells it the folder.
    variable: &'static str,
    packages: &'static [&'static str],
}

const NEEDS: [Need; 1] = [Need {
    target: "metrics",
    variable: "FINBACK_TEST_PROMETHEUS",
    packages: &["prometheus"],
}];

/// Fetches what the target needs unless it is there. A test to which no folder is named says what is missing.
pub(super) fn name(binary: &TestBinary, command: &mut Command) {
    for need in NEEDS.iter().filter(|need| binary.is_test(need.target)) {
        match vm::unpacked(need.target, need.packages) {
            Ok(folder) => {
                command.env(need.variable, folder);
            }
            Err(error) => println!("without {}: {error:#}", need.packages.join(", ")),
        }
    }
}
