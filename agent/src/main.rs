//! The binary: everything is in the library, for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    finback::cli::main()
}
