//! The line of the program that opened a connection.

use super::word::clean;
use crate::output::json::{Finding, Frame, StackKind};

/// Where sources of libraries and runtimes are, as their debug information names them: Debian's packages, Rust's library,
/// C libraries that were built elsewhere.
const LIBRARIES: [&str; 6] = ["/usr/", "/lib/", "/rustc/", "/build/", "./", "../"];

/// Where cargo keeps the sources of crates, in whosever home.
const CRATES: &str = "/.cargo/";

/// The innermost call of the program itself when the connection was opened, if its line is known.
pub fn opened_at<'a>(finding: &'a Finding<'_>) -> Option<&'a Frame<'a>> {
    frames(finding).iter().find(|frame| is_own(frame))
}

/// The same in words; where no line is known, the innermost call that is not in a library.
pub fn opening(finding: &Finding<'_>) -> Option<String> {
    let frames = frames(finding);
    let of_program = || frames.iter().find(|frame| !is_in_library(frame));
    let frame = opened_at(finding).or_else(of_program).or(frames.first())?;
    let function = frame.function.as_deref().unwrap_or("?");
    let place = match (&frame.file, frame.line, &frame.module, &frame.offset) {
        (Some(file), Some(line), ..) => format!("{file}:{line}"),
        (_, _, Some(module), Some(offset)) => format!("{module}+{offset}"),
        (_, _, Some(module), None) => module.clone().into_owned(),
        (_, _, None, _) => frame.address.clone().into_owned(),
    };
    Some(clean(&format!("{function} {place}")))
}

fn frames<'a>(finding: &'a Finding<'_>) -> &'a [Frame<'a>] {
    let mut stacks = finding.stacks.iter();
    let opening = stacks.find(|stack| stack.kind != StackKind::Current);
    opening.map_or(&[][..], |stack| &*stack.frames)
}

/// `libc.so.6`, `/opt/vendor/libpool.so`.
fn is_in_library(frame: &Frame<'_>) -> bool {
    let module = frame.module.as_deref();
    module.is_none_or(|module| module.split('.').any(|part| part == "so"))
}

fn is_own(frame: &Frame<'_>) -> bool {
    let file = frame.file.as_deref().filter(|_| frame.line.is_some());
    file.is_some_and(|file| {
        !LIBRARIES.iter().any(|library| file.starts_with(library)) && !file.contains(CRATES)
    })
}
