//! Gives up every right before the first byte of a program is read.

use std::env::consts::ARCH;
use std::fs;
use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    Scope, path_beneath_rules,
};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Uid, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::process::stack::wire::READER_TIME;

/// The user and group `nobody`, who owns nothing.
const NOBODY: u32 = 65_534;
/// Bytes of memory.
const MEMORY: u64 = 1 << 30;
/// Open files: standard ones, the one that is read, and copies of symbols.
const FILES: u64 = 64;
/// Where the debug information of stripped files is looked for.
const DEBUG_DIRECTORIES: [&str; 2] = ["/usr/lib/debug", "/lib/debug"];

/// Leaves nothing but the socket: no files, no network, no other process, no rights. An error means that some right
/// could not be given up.
pub(super) fn confine() -> io::Result<()> {
    // Where memory is short, this process is the one to go. Not everywhere can it be said.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
    limit(Resource::Core, 0)?;
    limit(Resource::As, MEMORY)?;
    limit(Resource::Nofile, FILES)?;
    limit(Resource::Cpu, READER_TIME.as_secs())?;
    become_nobody()?;
    clear_ambient_capability_set()?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none)?;
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Counted per user, and others may be `nobody` too: only now, when nothing is started any more.
    limit(Resource::Nproc, 0)?;
    close_files().map_err(io::Error::other)?;
    refuse_calls().map_err(io::Error::other)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = Some(most);
    Ok(setrlimit(
        resource,
        Rlimit {
            current: most,
            maximum: most,
        },
    )?)
}

/// Closes whatever the daemon was started with and did not mark as its own. To be called before anything is opened.
pub(super) fn close_others() -> io::Result<()> {
    // SAFETY: nothing in this process has opened a file beyond the standard ones.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A daemon that is not root, or in a user namespace without `nobody`, has a user that means little already.
fn become_nobody() -> io::Result<()> {
    let nobody = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let (user, group) = (Some(nobody.0), Some(nobody.1));
    let done = set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(group, group, group))
        .and_then(|()| set_thread_res_uid(user, user, user));
    match done {
        Err(Errno::PERM | Errno::INVAL) => Ok(()),
        done => Ok(done?),
    }
}

/// Lets nothing be opened but debug information, as far as the kernel can (Landlock, 5.13 and later).
fn close_files() -> Result<(), landlock::RulesetError> {
    let abi = ABI::V6;
    let readable = path_beneath_rules(DEBUG_DIRECTORIES, AccessFs::from_read(abi));
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(readable)?
        .restrict_self()?;
    Ok(())
}

/// System calls of a process that reads what it is given, and of its memory.
const CALLS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getrandom,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sendmsg,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_write,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];

/// Lets every other system call fail.
fn refuse_calls() -> Result<(), seccompiler::Error> {
    let allowed = CALLS.iter().map(|call| (*call, Vec::new()));
    let filter = SeccompFilter::new(
        allowed.collect(),
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        SeccompAction::Allow,
        ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}
