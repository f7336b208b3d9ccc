//! What `finback generate` makes is of use to the programs that it is made for.

use std::process::{Command, Stdio};

#[test]
fn the_openapi_document_is_the_one_checked_in() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    command.args(["generate", "openapi"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    let checked_in = include_str!("../../docs/openapi.json");
    assert!(String::from_utf8(output.stdout).unwrap() == checked_in);
}
