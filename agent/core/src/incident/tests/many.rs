//! Incidents without number, and connections without number.

use std::net::SocketAddr;

use super::*;
use crate::effort;
use crate::model::socket::Owner;

#[test]
fn ten_thousand_findings_in_one_look_are_one_incident_with_exact_counts() {
    let mut world = World::new();
    for id in 1..=10_000 {
        let verdict = if id % 4 == 0 {
            Verdict::EofUnread
        } else {
            Verdict::NotClosed
        };
        let pid = 7 + 3 * u32::from(id % 10 == 0);
        world.hear(
            1,
            Told {
                verdict,
                pid,
                ..told(id, Action::Opened, 0)
            },
        );
    }
    world.tick(1);
    assert_eq!(world.events.len(), 1);
    let incident = world.last();
    assert_eq!((incident.connections, incident.total), (10_000, 10_000));
    let verdicts = [(Verdict::NotClosed, 7_500), (Verdict::EofUnread, 2_500)];
    assert_eq!(incident.verdicts, verdicts);
    assert_eq!(incident.findings.len(), 100);
    assert_eq!(incident.process_count, 2);
    let entry = world.incidents.entries.values().next().unwrap();
    assert_eq!(entry.list.len(), listed::MOST);
    // The listed ones end: others take their places.
    for id in 1..=1_000 {
        world.hear(2, told(id, Action::Resolved, 0));
    }
    assert!(world.incidents.want_list());
    for id in 1_001..=10_000 {
        let Body::Finding { finding, .. } = body(told(id, Action::Opened, 0)) else {
            unreachable!("it is one");
        };
        world.incidents.list(&finding);
    }
    assert!(!world.incidents.want_list());
    world.run(2..=20);
    assert_eq!(world.last().connections, 9_000);
    assert_eq!(world.last().findings[0], 1_001);
}

#[test]
fn causes_without_number_are_counted_in_one_incident() {
    let mut world = World::new();
    let pids = 1_500;
    world.tick(0);
    for pid in 0..pids {
        let process = Process {
            comm: format!("p{}x", char::from_u32(0x4e00 + pid).unwrap()).into(),
            ..(*process(pid)).clone()
        };
        let Body::Finding {
            mut connection,
            finding,
        } = body(Told {
            pid,
            ..told(u64::from(pid), Action::Opened, 0)
        })
        else {
            unreachable!("it is one");
        };
        if let Some(owner) = &mut connection.owner {
            owner.process = Arc::new(process);
        }
        let body = Body::Finding {
            connection,
            finding,
        };
        world.take(1, Output::Event(event(1, body)));
    }
    // Nobody says what they run.
    world.incidents.tell(&world.settings, at(1), &mut world.out);
    world.out = Outbox::default();
    world.tick(61);
    let told: Vec<_> = world.incidents.incidents().collect();
    assert_eq!(told.len(), MAX + 1);
    let counted: u32 = told.iter().map(|incident| incident.connections).sum();
    assert_eq!(counted, pids);
    assert!(told.iter().any(|incident| &*incident.cause.program == "*"));
}

/// A client that waits for a server, and the server, on the n-th port: each has an incident.
fn pair(n: u32) -> [Body; 2] {
    let port = 1_000 + u16::try_from(n).unwrap();
    let server = Told {
        pid: 1_000 + n,
        port,
        ..told(u64::from(n) * 2, Action::Opened, 0)
    };
    let client = Told {
        pid: 5_000 + n,
        verdict: Verdict::PeerNotClosing,
        ..told(u64::from(n) * 2 + 1, Action::Opened, 0)
    };
    let mut client = body(client);
    if let Body::Finding { connection, .. } = &mut client {
        let ends = connection.endpoints;
        connection.role = Role::Client;
        connection.endpoints.peer = SocketAddr::new(ends.local.ip(), port);
        connection.peer_owner = connection.owner.clone().map(|owner| Owner {
            process: process(server.pid),
            ..owner
        });
    }
    [body(server), client]
}

#[test]
fn whose_fault_it_is_at_the_other_end_costs_as_much_as_there_are_incidents() {
    let steps = |pairs: u32| {
        let mut world = World::new();
        for body in (0..pairs).flat_map(pair) {
            world.take(1, Output::Event(event(1, body)));
        }
        let steps = effort::of(|| world.tick(1));
        let told: Vec<_> = world.incidents.incidents().collect();
        assert_eq!(told.len(), pairs as usize * 2);
        let caused = told.iter().filter(|told| told.caused_by.is_some());
        assert_eq!(caused.count(), pairs as usize);
        steps
    };
    let (few, many) = (steps(30), steps(120));
    assert!(few >= 60, "{few}: nothing was counted");
    assert!(many <= few * 4, "{few} steps became {many}");
}

#[test]
fn what_is_kept_of_an_incident_does_not_grow_with_its_connections() {
    let mut world = World::new();
    for id in 0..50_000 {
        let verdict = Verdict::EofSpin;
        let opened = told(id, Action::Opened, 1 + id % 5);
        world.hear(6, Told { verdict, ..opened });
    }
    world.tick(6);
    let entry = world.incidents.entries.values().next().unwrap();
    assert_eq!(entry.connections, 50_000);
    assert_eq!(entry.list.len(), listed::MOST);
    assert!(entry.is_bounded());
}
