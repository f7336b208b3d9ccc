//! `/proc/PID/cmdline`: arguments with zeros between them, which the process itself can overwrite.

use std::io;

use crate::lossy;

/// Bytes that are read: two megabytes may be there, and nothing that is told has room for more than a few thousand.
const MOST: u64 = 64 << 10;

/// The arguments that are not empty; none of a kernel thread.
pub(super) fn read(pid: u32) -> io::Result<Vec<String>> {
    Ok(split(&lossy::read_at_most(
        format!("/proc/{pid}/cmdline"),
        MOST,
    )?))
}

/// One by one.
pub(super) fn split(text: &str) -> Vec<String> {
    let words = text.split('\0').filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// Longer than what is read, and no text.
    #[test]
    fn a_long_line_of_any_bytes_is_read_as_far_as_it_is_needed() {
        let mut child = Command::new("sh")
            .args(["-c", "read x"])
            .arg(OsStr::from_bytes(b"\xff\x1b[2J"))
            .args(vec!["y".repeat(100_000); 15])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // There is nothing while it is being executed.
        let words = loop {
            let words = read(child.id()).unwrap();
            if !words.is_empty() {
                break words;
            }
        };
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(words[..3], ["sh", "-c", "read x"]);
        assert_eq!(words[3], "\u{fffd}\u{1b}[2J");
        let length: usize = words.iter().map(String::len).sum();
        assert!(length > 60_000 && length < 70_000, "{length}");
    }
}
