//! Ordinary life: services and clients, each with the line that starts it, and what may be said of them.

mod clients;
mod data;
mod kind;
mod may;
mod net;
mod runtime;
mod web;

use self::kind::Service;

pub(super) use self::{clients::CLIENTS, may::MAY};

/// All services.
pub(super) fn services() -> impl Iterator<Item = Service> {
    [
        web::SERVICES,
        data::SERVICES,
        net::SERVICES,
        runtime::SERVICES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_those_of_the_exceptions_exist() {
        let names = services().map(|one| one.name);
        let all: Vec<_> = names.chain(CLIENTS.iter().map(|one| one.name)).collect();
        let set: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!(all.len(), set.len());
        for may in MAY {
            assert!(set.contains(may.of), "{}", may.of);
        }
    }

    #[test]
    fn there_are_thirty_services_on_ports_of_their_own() {
        let ports: Vec<u16> = services().flat_map(|one| one.ports).copied().collect();
        assert!(services().count() >= 30);
        assert_eq!(ports.len(), ports.iter().collect::<BTreeSet<_>>().len());
    }
}
