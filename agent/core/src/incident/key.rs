//! What the findings of one incident have in common. Nothing in it depends on a pid, an address or a count.

use std::sync::Arc;

use super::program::program;
use super::workload::{of_container, workload};
use crate::model::incident::{Cause, IncidentId};
use crate::model::process::Identity;
use crate::model::socket::{Process, Role};

/// Where a process belongs and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) workload: Arc<str>,
    pub(super) program: Arc<str>,
}

impl Place {
    /// From what is known of a process.
    pub(super) fn of(process: &Process, identity: &Identity) -> Self {
        let group = identity.cgroup.as_deref().or(process.group.as_deref());
        let container = identity.container.as_ref().map(of_container);
        let workload = container.or_else(|| group.map(workload));
        Self {
            workload: workload.unwrap_or_default().into(),
            program: program(process, identity).into(),
        }
    }

    /// Of a process that nobody knows.
    pub(super) fn unknown() -> Self {
        Self {
            workload: "".into(),
            program: "-".into(),
        }
    }
}

/// The name of a cause while this boot lasts: FNV-1a, which no release of a library changes.
pub(super) fn id(cause: &Cause, boot_id: &str) -> IncidentId {
    const PRIME: u64 = 0x0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let role = match cause.role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Unknown => "unknown",
    };
    let port = cause
        .port
        .map_or_else(|| "*".to_owned(), |port| port.to_string());
    let parts = [boot_id, &cause.workload, &cause.program, role, &port];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    IncidentId(bytes.fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_for_the_same_cause_and_boot_only() {
        let cause = |program: &str, port| Cause {
            workload: "shop.service".into(),
            program: program.into(),
            role: Role::Server,
            port: Some(port),
        };
        let known = id(&cause("shop", 80), "boot");
        assert_eq!(known.to_string(), "8bef1e73019ea4f9");
        assert_eq!(known, id(&cause("shop", 80), "boot"));
        for other in [
            id(&cause("shop", 80), "other"),
            id(&cause("shop", 81), "boot"),
            id(&cause("mail", 80), "boot"),
        ] {
            assert_ne!(known, other);
        }
    }
}
