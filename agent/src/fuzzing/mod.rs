//! The doors through which anything can be fed to every parser.
//!
//! Built for tests and for fuzzing only. Each of [`TARGETS`] takes any bytes, gives them to the product's own functions,
//! and asserts what must hold of whatever comes of them, beyond that nothing panics: bounds, round trips, no control
//! characters. `agent/fuzz` runs them under libFuzzer (`cargo xtask fuzz`), the tests here with the committed seeds
//! (`agent/fuzz/seeds`), among which every input is that has ever found a fault.

mod lines;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
mod text;

use crate::{export, history, kernel, process, recording, server};

/// Takes any bytes. Returns, or has found a fault.
pub type Feed = fn(&[u8]);

/// Every one, by the name of its folder of seeds.
pub const TARGETS: &[(&str, Feed)] = &[
    ("answers", answers),
    ("btf", kernel::fuzzing::btf),
    ("configuration", text::configuration),
    ("engine_files", engine_files),
    ("filter", text::filter),
    ("frames", history::fuzzing::frames),
    ("history", history::fuzzing::history),
    ("hostile_reader", process::fuzzing::hostile_reader),
    ("http", server::fuzzing::http),
    ("iterator_rows", kernel::fuzzing::iterator_rows),
    ("lines", lines::lines),
    ("pasted", text::pasted),
    ("proc_files", proc_files),
    ("program", process::fuzzing::program),
    ("query", query),
    ("recording", recording::fuzzing::recording),
    ("ring_record", kernel::fuzzing::ring_record),
    ("sock_diag", kernel::fuzzing::sock_diag),
];

/// What the target of this name does.
///
/// # Panics
/// There is none.
pub fn feed(name: &str) -> Feed {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.expect("a target").1
}

/// As a reader of text has them.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn answers(bytes: &[u8]) {
    export::fuzzing::answers(bytes, &lossy(bytes));
    text::refusal(bytes);
}

fn engine_files(bytes: &[u8]) {
    process::fuzzing::engine_files(bytes, &lossy(bytes));
}

fn proc_files(bytes: &[u8]) {
    let text = lossy(bytes);
    kernel::fuzzing::proc_files(bytes, &text);
    process::fuzzing::proc_files(bytes, &text);
}

fn query(bytes: &[u8]) {
    server::fuzzing::query(&lossy(bytes));
}
