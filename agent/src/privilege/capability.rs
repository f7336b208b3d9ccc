//! Capabilities: which are kept, and what for.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities,
};
use serde::Serialize;

use super::needs::Needs;

/// What the daemon does with a capability after the start.
struct Use {
    capability: CapabilitySet,
    why: &'static str,
}

const ALWAYS: &[Use] = &[
    Use {
        capability: CapabilitySet::BPF,
        why: "read and write the programs' maps, attach what a subscriber needs",
    },
    Use {
        capability: CapabilitySet::PERFMON,
        why: "attach programs that read kernel memory",
    },
    Use {
        capability: CapabilitySet::SYS_PTRACE,
        why: "see program, descriptors and namespaces of other users' processes",
    },
    Use {
        capability: CapabilitySet::DAC_READ_SEARCH,
        why: "read other users' folders below /proc",
    },
    Use {
        capability: CapabilitySet::SYS_ADMIN,
        why: "enter other network namespaces: their TIME_WAIT sockets, their settings",
    },
    Use {
        capability: CapabilitySet::SYSLOG,
        why: "addresses of the kernel's functions, which tell who waits on a socket, and how",
    },
    Use {
        capability: CapabilitySet::NET_ADMIN,
        why: "every detail of other users' sockets; destroying them where a remedy is told to",
    },
];

/// Only where stacks are taken.
const FOR_READERS: &[Use] = &[
    Use {
        capability: CapabilitySet::SETUID,
        why: "the reader of other users' programs becomes nobody",
    },
    Use {
        capability: CapabilitySet::SETGID,
        why: "the reader of other users' programs becomes nobody",
    },
    Use {
        capability: CapabilitySet::KILL,
        why: "end the reader of other users' programs, who is another user by then",
    },
];

/// A capability that is left, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name, such as `CAP_BPF`.
    pub name: String,
    /// What the daemon does with it; empty if it could not be given up.
    pub why: &'static str,
}

fn uses(needs: Needs) -> impl Iterator<Item = &'static Use> {
    let readers = if needs.stacks { FOR_READERS } else { &[] };
    ALWAYS.iter().chain(readers)
}

fn wanted(needs: Needs) -> CapabilitySet {
    uses(needs).fold(CapabilitySet::empty(), |all, one| all | one.capability)
}

/// Takes every other one out of what programs that are started may have.
pub(super) fn bound(needs: Needs) -> io::Result<()> {
    let others = CapabilitySet::all() - wanted(needs);
    for (name, other) in others.iter_names() {
        match remove_capability_from_bounding_set(other) {
            Ok(()) => {}
            // A kernel does not know those that came after it.
            Err(rustix::io::Errno::INVAL) => tracing::debug!("no CAP_{name} here"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Gives up every other one.
pub(super) fn keep(needs: Needs) -> io::Result<()> {
    let had = capabilities(None)?;
    let left = had.permitted & wanted(needs);
    let sets = CapabilitySets {
        effective: left,
        permitted: left,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, sets)?)
}

/// What is left.
pub(super) fn kept(needs: Needs) -> Vec<Kept> {
    let left = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted);
    let why = |capability| {
        let found = uses(needs).find(|one| one.capability == capability);
        found.map_or("", |one| one.why)
    };
    let kept = left.iter_names().map(|(name, capability)| Kept {
        name: format!("CAP_{name}"),
        why: why(capability),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_that_is_kept_has_its_reason() {
        let needs = Needs {
            stacks: true,
            commands: false,
        };
        assert!(uses(needs).all(|one| !one.why.is_empty()));
        let names: Vec<_> = wanted(needs).iter_names().map(|(name, _)| name).collect();
        assert_eq!(names.len(), uses(needs).count(), "{names:?}");
    }

    #[test]
    fn without_stacks_nothing_can_change_its_user() {
        let set = wanted(Needs {
            stacks: false,
            commands: false,
        });
        assert!(!set.intersects(CapabilitySet::SETUID | CapabilitySet::SETGID));
        assert!(!set.contains(CapabilitySet::KILL));
    }
}
