//! Lines of a list for tests.

use serde_json::{Value, json};

use crate::output::json::{
    Body, Decision, DestroyResult, Destroyed, Event, Remedy, RemedyAction, RemedyConnections,
    Subject,
};

/// A client of a database, as one look finds it; `change` makes another one of it.
pub(crate) fn socket(change: impl FnOnce(&mut Value)) -> Event<'static> {
    let mut line = json!({
        "schema": 1, "seq": 1, "time": "2026-11-22T13:25:44.123456789Z", "type": "socket",
        "socket": {"id": "b39f94a9635-287b", "cookie": 4242, "inode": 31337, "netns": 1, "role": "client"},
        "network": {
            "transport": "tcp", "type": "ipv4",
            "local": {"address": "192.0.2.10", "port": 40_400},
            "peer": {"address": "198.51.100.7", "port": 5432},
            "connection": {"state": "established"},
        },
        "process": {
            "pid": 4711, "start_time": "2026-11-22T13:20:00.000000000Z",
            "comm": "shop", "executable": {"name": "shop"}, "attribution": "connect",
        },
        "listed": {
            "unacked_bytes": 0,
            "holders": [{
                "pid": 4711, "start_time": "2026-11-22T13:20:00.000000000Z", "fd": 7, "comm": "shop",
                "executable": {"name": "shop"},
            }],
        },
    });
    change(&mut line);
    serde_json::from_str(line.to_string().leak()).unwrap()
}

/// `finback kill` has destroyed it.
pub(super) fn destroyed() -> Event<'static> {
    let event = socket(|line| line["network"]["connection"]["state"] = json!("close_wait"));
    let Body::Socket { subject, .. } = event.body else {
        return event;
    };
    Event {
        body: Body::Destroyed {
            subject,
            destroyed: Destroyed {
                result: DestroyResult::Destroyed,
                error: None,
                filter: "state close-wait and pid = 4711".into(),
                by_pid: 5120,
                by_user: 1000,
            },
        },
        ..event
    }
}

/// The sample of an incident, changed.
pub(crate) fn incident_line(change: impl FnOnce(&mut Value)) -> Event<'static> {
    let samples = super::wire().into_iter();
    let mut samples = samples.filter(|(name, _)| *name == "incident");
    let mut line = serde_json::to_value(samples.next().unwrap().1).unwrap();
    change(&mut line);
    serde_json::from_str(line.to_string().leak()).unwrap()
}

/// A remedy has destroyed two of three connections.
pub(super) fn remedy() -> Event<'static> {
    let event = socket(|_| {});
    let Body::Socket { subject, .. } = event.body else {
        return event;
    };
    Event {
        seq: 17,
        body: Body::Remedy {
            subject: Subject {
                socket: None,
                network: None,
                ..subject
            },
            remedy: Box::new(Remedy {
                name: "shop-leaks".into(),
                action: RemedyAction::Kill,
                decision: Decision::Done,
                reason: "2 of 3 connections destroyed; left alone: 1 of finback itself".into(),
                incident: Some("1c5f0d5e8a534c3b".into()),
                finding: None,
                connections: Some(RemedyConnections {
                    matched: 3,
                    destroyed: 2,
                    gone: 0,
                    refused: 1,
                }),
            }),
        },
        ..event
    }
}
