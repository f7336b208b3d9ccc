//! How many descriptors a process has and may have.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use finback_core::model::process::Descriptors;

/// `None` if the process is gone or may not be asked.
pub(super) fn count(pid: u32) -> Option<Descriptors> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    Some(Descriptors {
        open: open(pid)?,
        limit: limit(&limits)?,
    })
}

/// The directory's size is their number from Linux 6.2 on (`proc_fd_getattr`), and 0 before: then they are listed.
fn open(pid: u32) -> Option<u64> {
    let directory = format!("/proc/{pid}/fd");
    match fs::metadata(&directory).ok()?.size() {
        0 => fs::read_dir(&directory).ok().map(|all| all.count() as u64),
        size => Some(size),
    }
}

/// The soft limit in `/proc/PID/limits`: `Max open files            1024                 524288               files`.
pub(super) fn limit(text: &str) -> Option<u64> {
    let words = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match words.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn descriptors_are_counted_whether_or_not_the_kernel_does() {
        let before = count(std::process::id()).unwrap();
        let files: Vec<File> = (0..200).map(|_| File::open("/dev/null").unwrap()).collect();
        let after = count(std::process::id()).unwrap();
        // Other tests open and close some, too.
        assert!(after.open >= before.open + 100, "{before:?} {after:?}");
        assert_eq!(after.limit, before.limit);
        let listed = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        assert!(listed.abs_diff(after.open) < 100);
        drop(files);
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        assert_eq!(count(u32::MAX >> 1), None);
    }

    #[test]
    fn the_limit_is_the_soft_one() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             127573               127573               processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(limit(text), Some(1024));
        assert_eq!(limit(&text.replace("1024  ", "unlimited")), Some(u64::MAX));
        assert_eq!(limit(""), None);
    }
}
