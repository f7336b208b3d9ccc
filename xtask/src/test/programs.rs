//! The real programs at the other end of what is tested: packages of Debian, fetched and unpacked below the target
//! directory, and named to the tests. Nothing is installed.

use std::process::Command;

use super::binaries::TestBinary;
use crate::vm;

/// What a test binary needs.
struct Need {
    /// [`TestBinary::name`].
    binary: &'static str,
    /// Where it is unpacked.
    folder: &'static str,
    /// What tells it the folder.
    variable: &'static str,
    packages: &'static [&'static str],
}

const NEEDS: [Need; 2] = [
    Need {
        binary: "agent (test metrics)",
        folder: "metrics",
        variable: "FINBACK_TEST_PROMETHEUS",
        packages: &["prometheus"],
    },
    Need {
        binary: "agent (lib)",
        folder: "alertmanager",
        variable: "FINBACK_TEST_ALERTMANAGER",
        packages: &["prometheus-alertmanager"],
    },
];

/// Fetches what the target needs unless it is there. A test to which no folder is named says what is missing.
pub(super) fn name(binary: &TestBinary, command: &mut Command) {
    let name = binary.name();
    for need in NEEDS.iter().filter(|need| need.binary == name) {
        match vm::unpacked(need.folder, need.packages) {
            Ok(folder) => {
                command.env(need.variable, folder);
            }
            Err(error) => println!("without {}: {error:#}", need.packages.join(", ")),
        }
    }
}
