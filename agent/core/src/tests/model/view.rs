//! What a pass over the kernel finds.

use super::*;
use crate::model::observation::Queued;

const LISTENER: u64 = 0xffff_8880_0fff_f000;

impl Model {
    /// What a pass finds that began when this was true and ends now: the live sockets are visited first, what the
    /// hooks noted of them comes last.
    pub(in super::super) fn snapshot_since(&self, (began, before): &(u64, Vec<Truth>)) -> Snapshot {
        let full = |key| self.connections.iter().find(|c| c.full && c.key == key);
        let visited = before.iter().filter(|c| c.full);
        let mut sockets: Vec<SocketView> = visited
            .map(|truth| match full(truth.key) {
                Some(noted) => join(truth, noted, *began),
                None => forgotten(truth, *began),
            })
            .collect();
        let born = self
            .connections
            .iter()
            .filter(|c| c.full && !before.iter().any(|b| b.full && b.key == c.key));
        sockets.extend(born.map(|c| unvisited(c, self.now)));
        let mut snapshot = snapshot(*began, sockets);
        snapshot.time_wait = Some(self.minisocks());
        snapshot
    }
}

/// A live socket and what the hooks have noted of it, a little later.
fn join(live: &Truth, noted: &Truth, began: u64) -> SocketView {
    let (live, noted) = (seen(live, began), seen(noted, began));
    let later = noted.changed > Some(at(began));
    SocketView {
        state: if later { noted.state } else { live.state },
        holders: live.holders,
        queued: live.queued,
        counters: live.counters,
        ..noted
    }
}

/// A live socket that was gone when the notes were read.
fn forgotten(live: &Truth, began: u64) -> SocketView {
    SocketView {
        changed: None,
        role: Role::Unknown,
        owner: None,
        fin_at: None,
        eof_at: None,
        eof_count: 0,
        fin_with_data: false,
        write_at: None,
        write_bytes: 0,
        sent_at_fin: None,
        ..seen(live, began)
    }
}

/// A socket that was born after the visit.
fn unvisited(noted: &Truth, now: u64) -> SocketView {
    SocketView {
        holders: Vec::new(),
        queued: None,
        counters: None,
        ..seen(noted, now)
    }
}

/// As a look finds it.
fn seen(truth: &Truth, now: u64) -> SocketView {
    let spun = u32::try_from(truth.spun(0, now)).unwrap();
    let queued = (truth.open && !truth.accepted).then(|| Queued {
        listener: Some(LISTENER),
        listeners: vec![holder(3, 3)],
        proven: true,
    });
    SocketView {
        key: truth.key,
        endpoints: truth.ends,
        state: truth.state,
        changed: Some(at(truth.changed)),
        role: truth.role(),
        owner: truth.accepted.then(|| owner(7, truth.opened())),
        holders: if truth.open && truth.accepted {
            vec![holder(truth.holder, 5)]
        } else {
            Vec::new()
        },
        queued,
        inode: None,
        cookie: None,
        fin_at: truth.fin_at.map(at),
        eof_at: truth.eof_at.map(at),
        eof_count: truth.eof_count + spun,
        fin_with_data: truth.fin_with_data,
        write_at: truth.written.map(at),
        write_bytes: truth.written.map_or(0, |_| 10),
        refused_at: None,
        sent_at_fin: truth.sent_at_fin,
        waiting: None,
        counters: Some(SocketCounters {
            unread: truth.unread,
            bytes_sent: truth.sent,
            bytes_acked: truth.acked,
            bytes_received: truth.received,
            unacked: if truth.silent { 10 } else { 0 },
            retransmits: if truth.silent { 5 } else { 0 },
            backoff: if truth.silent { 5 } else { 0 },
            error: truth.error,
            ..SocketCounters::default()
        }),
    }
}
