//! What must be there before anything is loaded. Every refusal says what is missing, what it is needed for and
//! how to grant it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::thread::CapabilitySet;

use crate::kernel::btf;
use crate::kernel::error::{GRANT, KernelError};

/// First version with everything that has no replacement: `BPF_MAP_TYPE_RINGBUF` (5.8), `CAP_BPF` (5.8),
/// `iter/task_file` (5.8), maps in a process's memory (5.5).
const OLDEST: (u32, u32) = (5, 10);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prerequisites {
    /// `uname -r`.
    pub release: String,
    /// What works only in part, each with the reason and the remedy.
    pub limits: Vec<String>,
}

/// Inode number of the initial pid namespace (`PROC_PID_INIT_INO` in `include/linux/proc_ns.h`).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Checks version, type information, capabilities and the pid namespace.
pub fn prerequisites() -> Result<Prerequisites, KernelError> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    check_release(&release)?;
    fs::metadata(btf::PATH).map_err(|source| KernelError::NoBtf { source })?;
    let sets = rustix::thread::capabilities(None).map_err(|errno| KernelError::Io {
        what: "read this process's capabilities",
        source: errno.into(),
    })?;
    let limits = check_capabilities(sets.effective)?;
    check_pid_namespace(fs::metadata("/proc/self/ns/pid").map_or(0, |file| file.ino()))?;
    Ok(Prerequisites { release, limits })
}

fn check_release(release: &str) -> Result<(), KernelError> {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < OLDEST => Err(KernelError::TooOld {
            release: release.to_owned(),
        }),
        // A version that cannot be read is not held against the kernel: what it lacks shows at load.
        _ => Ok(()),
    }
}

/// The kernel programs name processes by their numbers in the initial namespace: in another one every one of them would
/// be somebody else. `inode` is 0 where it cannot be told.
const fn check_pid_namespace(inode: u64) -> Result<(), KernelError> {
    match inode {
        0 | INITIAL_PID_NAMESPACE => Ok(()),
        _ => Err(KernelError::PidNamespace),
    }
}

fn check_capabilities(effective: CapabilitySet) -> Result<Vec<String>, KernelError> {
    let has = |wanted| effective.contains(wanted);
    let admin = has(CapabilitySet::SYS_ADMIN);
    let missing: Vec<&str> = [
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::PERFMON, "CAP_PERFMON"),
    ]
    .into_iter()
    .filter(|(capability, _)| !has(*capability) && !admin)
    .map(|(_, name)| name)
    .collect();
    if !missing.is_empty() {
        return Err(KernelError::Capability {
            missing: missing.join(" and "),
            why: "load the programs that follow every TCP socket and read kernel memory from them",
        });
    }
    let mut limits = Vec::new();
    let mut limit = |ok: bool, missing: &str, effect: &str| {
        if !ok {
            limits.push(format!("missing {missing}: {effect}; {GRANT}"));
        }
    };
    limit(
        has(CapabilitySet::SYS_PTRACE) && has(CapabilitySet::DAC_READ_SEARCH),
        "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        "paths, command lines and /proc descriptors of other users' processes cannot be read",
    );
    limit(
        admin,
        "CAP_SYS_ADMIN",
        "other network namespaces cannot be entered, their TIME_WAIT sockets are not listed",
    );
    limit(
        has(CapabilitySet::SYSLOG),
        "CAP_SYSLOG",
        "the kernel may hide the addresses that tell who waits on a socket",
    );
    limit(
        has(CapabilitySet::NET_ADMIN),
        "CAP_NET_ADMIN",
        "sock_diag does not show every detail of other users' sockets",
    );
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::error::ErrorKind;

    #[test]
    fn old_kernels_are_refused_by_version() {
        for old in ["4.19.0-26-amd64", "5.9.16", "5.4.0-150-generic", "2.6.32"] {
            let error = check_release(old).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KernelLacks);
            assert!(error.to_string().contains(old), "{error}");
        }
        for new in [
            "5.10.0-30-amd64",
            "5.11",
            "6.1.0",
            "6.18.44-fc",
            "7.3.4",
            "10.0",
            "next",
        ] {
            assert!(check_release(new).is_ok(), "{new}");
        }
    }

    #[test]
    fn a_pid_namespace_of_its_own_is_refused_with_the_remedy() {
        assert!(check_pid_namespace(INITIAL_PID_NAMESPACE).is_ok());
        let error = check_pid_namespace(4_026_532_198).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        assert!(error.to_string().contains("--pid=host"), "{error}");
    }

    #[test]
    fn missing_capabilities_are_named_with_the_way_to_grant_them() {
        let error = check_capabilities(CapabilitySet::PERFMON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted);
        let text = error.to_string();
        assert!(text.starts_with("missing CAP_BPF, needed to"), "{text}");
        assert!(text.contains("setcap cap_bpf,cap_perfmon"), "{text}");
    }

    #[test]
    fn bpf_and_perfmon_suffice_with_limits() {
        let limits = check_capabilities(CapabilitySet::BPF | CapabilitySet::PERFMON).unwrap();
        assert_eq!(limits.len(), 4, "{limits:?}");
        assert_eq!(
            check_capabilities(CapabilitySet::all()).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            check_capabilities(CapabilitySet::SYS_ADMIN).unwrap().len(),
            3
        );
    }
}
