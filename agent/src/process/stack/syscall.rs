//! Names of the system calls that threads wait in.

macro_rules! names {
    ($($name:ident)+) => {
        &[$((stringify!($name), libc::$name),)+]
    };
}

const NAMES: &[(&str, libc::c_long)] = names! {
    SYS_accept SYS_accept4 SYS_clock_nanosleep SYS_connect SYS_epoll_pwait SYS_epoll_pwait2 SYS_flock SYS_fsync
    SYS_futex SYS_io_getevents SYS_io_uring_enter SYS_msgrcv SYS_nanosleep SYS_openat SYS_ppoll SYS_pselect6
    SYS_pwrite64 SYS_read SYS_readv SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_restart_syscall SYS_rt_sigsuspend
    SYS_rt_sigtimedwait SYS_semtimedop SYS_sendfile SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_splice SYS_wait4
    SYS_waitid SYS_write SYS_writev
};

#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[(&str, libc::c_long)] = names! {
    SYS_epoll_wait SYS_pause SYS_poll SYS_select
};
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[(&str, libc::c_long)] = &[];

/// The name, or the number of one that seldom waits.
pub(super) fn name(number: i64) -> Box<str> {
    let known = NAMES.iter().chain(OLD_NAMES);
    let mut known = known.filter(|(_, known)| *known == number);
    match known.next() {
        Some((name, _)) => name.trim_start_matches("SYS_").into(),
        None => format!("system call {number}").into(),
    }
}
