//! What the daemon gives up once its programs are attached and proven.
//!
//! To be called while the process has one thread: the threads that it starts afterwards inherit the rest. Nothing here
//! is needed to work, so a kernel that lacks a mechanism, or does not let it be used, ends nothing: the reason is kept
//! and told by `finback status`.

mod calls;
mod capability;
mod needs;

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{clear_ambient_capability_set, set_no_new_privs};
use serde::Serialize;

pub use capability::Kept;
pub use needs::Needs;

/// What is left.
#[derive(Clone, Debug, Serialize)]
pub struct Privilege {
    /// Capabilities that it still has, each with what it is for.
    pub capabilities: Vec<Kept>,
    /// Whether no program that it starts can have others.
    pub bounding_set: Layer,
    /// Whether no program that it starts can gain rights by the set-user-ID bit or capabilities of its file.
    pub no_new_privs: Layer,
    /// Whether system calls that it has no use for are refused.
    pub system_calls: Layer,
    /// Whether a crash leaves no memory image behind.
    pub no_core: Layer,
    /// Whether Landlock guards files: never in the daemon itself, see the reason.
    pub landlock: Layer,
}

/// A layer of defence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Layer {
    /// It is there.
    On,
    /// It is not.
    Off {
        /// Why.
        reason: String,
    },
}

/// A process in a Landlock domain cannot look at any process outside it, with whatever capability: neither its program
/// nor its descriptors, which is what the daemon is for.
const NO_LANDLOCK: &str = "it would hide every other process's descriptors and program; the readers of other users' \
                           programs have it";

/// Gives up what `needs` does not ask for.
pub fn give_up(needs: Needs) -> Privilege {
    let no_core = Layer::of(leave_no_core());
    let bounding_set = Layer::unless_commands(needs, || capability::bound(needs));
    if let Err(error) = clear_ambient_capability_set() {
        tracing::debug!(%error, "ambient capabilities are not cleared");
    }
    if let Err(error) = capability::keep(needs) {
        tracing::warn!(%error, "capabilities that are not needed any more cannot be given up");
    }
    let no_new_privs = Layer::of(set_no_new_privs(true).map_err(io::Error::from));
    let system_calls = Layer::unless_commands(needs, calls::refuse_others);
    Privilege {
        capabilities: capability::kept(needs),
        bounding_set,
        no_new_privs,
        system_calls,
        no_core,
        landlock: Layer::Off {
            reason: NO_LANDLOCK.into(),
        },
    }
}

/// A command is a program like any other: it may do what root's programs do, and make any system call.
const COMMANDS: &str = "a remedy runs a command, which would inherit it";

impl Layer {
    fn unless_commands(needs: Needs, guard: impl FnOnce() -> io::Result<()>) -> Self {
        if needs.commands {
            return Self::Off {
                reason: COMMANDS.into(),
            };
        }
        Self::of(guard())
    }

    fn of(done: io::Result<()>) -> Self {
        match done {
            Ok(()) => Self::On,
            Err(error) => Self::Off {
                reason: error.to_string(),
            },
        }
    }
}

/// Memory has addresses, names and command lines of every process that was looked at.
fn leave_no_core() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Core, none)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use landlock::{AccessFs, BitFlags, Ruleset, RulesetAttr as _, RulesetStatus};

    /// Whether a thread in a Landlock domain that forbids next to nothing can see the program of process `pid`.
    fn seen_from_a_domain(pid: u32) -> Option<bool> {
        let ruled = Ruleset::default()
            .handle_access(BitFlags::from(AccessFs::MakeBlock))
            .unwrap();
        let status = ruled.create().unwrap().restrict_self().unwrap();
        let enforced = status.ruleset == RulesetStatus::FullyEnforced;
        enforced.then(|| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok())
    }

    #[test]
    fn landlock_would_hide_what_other_processes_are() {
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = other.id();
        let outside = std::fs::read_link(format!("/proc/{pid}/exe"));
        let inside = thread::spawn(move || seen_from_a_domain(pid))
            .join()
            .unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(outside.is_ok(), "{outside:?}");
        // `None`: a kernel without Landlock.
        assert_ne!(inside, Some(true));
    }
}
