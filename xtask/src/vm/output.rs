//! What the user sees: guest output on stdout, remarks of `xtask vm` itself on stderr.

use std::io::{self, Write as _};

/// One line of a guest's output; `label` tells guests apart when there are several.
pub(super) fn line(label: &str, text: &str) {
    let mut out = io::stdout().lock();
    let written = if label.is_empty() {
        writeln!(out, "{text}")
    } else {
        writeln!(out, "[{label}] {text}")
    };
    // A reader that went away does not stop the guests: their result still counts.
    drop(written);
}

/// A remark about what is being done, or a warning.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "vm: {text}"));
}
