//! The current task. Only hooks in process context may ask for it: elsewhere `current` is whoever was
//! interrupted.

use aya_ebpf::helpers::generated::{
    bpf_get_current_cgroup_id, bpf_get_current_pid_tgid, bpf_get_current_task,
    bpf_get_current_uid_gid,
};
use finback_common::socket::Owner;

use crate::globals::global;
use crate::memory::{Pointer, Probe};
use crate::rule::PF_KTHREAD;

/// Process and thread id of the current task.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
}

/// The current task.
#[derive(Clone, Copy)]
pub(crate) struct Task(Pointer<Probe>);

/// Ids of the current task.
#[inline(always)]
pub(crate) fn ids() -> Ids {
    // SAFETY: the helper has no precondition.
    let both = unsafe { bpf_get_current_pid_tgid() };
    Ids {
        pid: (both >> 32) as u32,
        tid: both as u32,
    }
}

impl Task {
    #[inline(always)]
    pub(crate) fn current() -> Self {
        // SAFETY: the helper has no precondition.
        let task = unsafe { bpf_get_current_task() };
        // SAFETY: probe reads accept any address.
        Self(unsafe { Pointer::new(task as *const u8) })
    }

    /// `task_struct.flags`.
    #[inline(always)]
    pub(crate) fn flags(self) -> u32 {
        self.0.get(global!(OFFSETS.task_flags))
    }

    /// A kernel thread acts for others (MPTCP's worker, `io_uring`'s teardown): never an owner.
    #[inline(always)]
    fn is_kernel_thread(self) -> bool {
        self.flags() & PF_KTHREAD != 0
    }

    /// Its address, for those who read it themselves.
    #[inline(always)]
    pub(crate) const fn pointer(self) -> Pointer<Probe> {
        self.0
    }

    /// Whether it may own a socket or act on one: not a kernel thread, which acts for others, and not the agent, which
    /// holds every socket for a moment while it looks and may be the last to let go.
    #[inline(always)]
    pub(crate) fn is_somebody(self) -> bool {
        !self.is_kernel_thread() && ids().pid != global!(SETTINGS.ignored_pid)
    }

    /// The process as the owner of a socket.
    #[inline(always)]
    pub(crate) fn owner(self, source: u8) -> Owner {
        let Ids { pid, tid } = ids();
        let leader = self.0.follow(global!(OFFSETS.task_leader));
        // SAFETY: the helper has no precondition.
        let uid = unsafe { bpf_get_current_uid_gid() } as u32;
        // SAFETY: the helper has no precondition.
        let cgroup = unsafe { bpf_get_current_cgroup_id() };
        Owner {
            pid,
            tid,
            uid,
            source,
            reserved: [0; 3],
            start_ns: leader.get(global!(OFFSETS.task_start)),
            cgroup,
            comm: leader.get(global!(OFFSETS.task_comm)),
        }
    }
}
