//! Ports that name a cause: not those that are others each time.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use super::key::Place;
use crate::model::incident::Cause;
use crate::model::look::{Snapshot, SocketView};
use crate::model::socket::Role;
use crate::model::state::TcpState;

/// A program that uses more ports than this chooses them as it likes.
const PORTS: usize = 64;
/// Programs whose ports are remembered.
const PROGRAMS: usize = 4096;
/// Listeners whose ports the kernel chose that are remembered.
const CHOSEN: usize = 4096;

/// Which end of a connection it is, in which network namespace, and the port that stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) role: Role,
    pub(super) netns: Option<u32>,
    pub(super) port: Option<u16>,
}

/// The ports of each program that have been seen, and those that the kernel has chosen for a listener.
#[derive(Debug, Default)]
pub(super) struct Ports {
    seen: BTreeMap<(Place, u8), BTreeSet<u16>>,
    /// By network namespace.
    chosen: FxHashSet<(u32, u16)>,
}

impl Ports {
    /// The listeners of a look.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let sockets = snapshot.sockets.iter();
        for view in sockets.filter(|view| view.state == TcpState::Listen) {
            self.see(view);
        }
    }

    fn see(&mut self, listener: &SocketView) {
        let Some(counters) = listener.counters else {
            return;
        };
        let ends = listener.endpoints;
        let port = (ends.netns, ends.local.port());
        if !counters.port_chosen {
            self.chosen.remove(&port);
        } else if self.chosen.len() < CHOSEN {
            self.chosen.insert(port);
        }
    }

    /// The cause of what is wrong at this end of a program's connections.
    pub(super) fn cause(&mut self, place: Place, end: End) -> Cause {
        let port = end.port.filter(|port| !self.is_chosen(end, *port));
        let seen = self
            .seen
            .entry((place.clone(), end.role as u8))
            .or_default();
        let known = port.filter(|port| seen.contains(port) || seen.len() < PORTS);
        if let Some(port) = known {
            seen.insert(port);
        }
        if self.seen.len() > PROGRAMS {
            self.seen.clear();
        }
        Cause {
            workload: place.workload,
            program: place.program,
            role: end.role,
            port: known,
        }
    }

    /// Whether the kernel chose this end's own port; which one a peer listens on is the peer's affair.
    fn is_chosen(&self, end: End, port: u16) -> bool {
        let own = end.netns.filter(|_| end.role != Role::Client);
        own.is_some_and(|netns| self.chosen.contains(&(netns, port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(program: &str) -> Place {
        Place {
            workload: "shop.service".into(),
            program: program.into(),
        }
    }

    const fn end(role: Role, port: u16) -> End {
        End {
            role,
            netns: Some(1),
            port: Some(port),
        }
    }

    #[test]
    fn a_program_s_65th_port_is_any() {
        let mut ports = Ports::default();
        let mut port = |program, role, port| ports.cause(place(program), end(role, port)).port;
        for n in 1..=64 {
            assert_eq!(port("shop", Role::Client, n), Some(n));
        }
        assert_eq!(port("shop", Role::Client, 65), None);
        assert_eq!(port("shop", Role::Client, 7), Some(7));
        assert_eq!(port("shop", Role::Server, 65), Some(65));
        assert_eq!(port("mail", Role::Client, 65), Some(65));
    }

    #[test]
    fn a_port_that_the_kernel_chose_for_a_listener_is_any() {
        let mut ports = Ports::default();
        ports.chosen.insert((1, 50_051));
        let mut port = |end| ports.cause(place("shop"), end).port;
        assert_eq!(port(end(Role::Server, 50_051)), None);
        assert_eq!(port(end(Role::Server, 50_052)), Some(50_052));
        assert_eq!(port(end(Role::Client, 50_051)), Some(50_051), "another's");
        let elsewhere = End {
            netns: Some(2),
            ..end(Role::Server, 50_051)
        };
        assert_eq!(port(elsewhere), Some(50_051));
    }
}
