//! The line of the program that opened a connection.

use crate::output::json::{Finding, Frame, StackKind};

/// Where sources of libraries and runtimes are, as their debug information names them: Debian's packages, Rust's library,
/// C libraries that were built elsewhere.
const LIBRARIES: [&str; 6] = ["/usr/", "/lib/", "/rustc/", "/build/", "./", "../"];

/// Where cargo keeps the sources of crates, in whosever home.
const CRATES: &str = "/.cargo/";

/// The innermost call of the program itself when the connection was opened, if its line is known.
pub(super) fn opened_at<'a>(finding: &'a Finding<'_>) -> Option<&'a Frame<'a>> {
    let mut stacks = finding.stacks.iter();
    let opening = stacks.find(|stack| stack.kind != StackKind::Current)?;
    opening.frames.iter().find(|frame| is_own(frame))
}

fn is_own(frame: &Frame<'_>) -> bool {
    let file = frame.file.as_deref().filter(|_| frame.line.is_some());
    file.is_some_and(|file| {
        !LIBRARIES.iter().any(|library| file.starts_with(library)) && !file.contains(CRATES)
    })
}
