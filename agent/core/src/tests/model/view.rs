//! What a look finds.

use super::*;
use crate::model::look::{Queued, UnheldList};

const LISTENER: u64 = 0xffff_8880_0fff_f000;

impl Model {
    /// Everything that a descriptor or an accept queue leads to.
    pub(in super::super) fn snapshot(&self) -> Snapshot {
        let held = self.connections.iter().filter(|c| c.full && c.open);
        let mut sockets: Vec<_> = held.map(|truth| self.view(truth)).collect();
        sockets.sort_unstable_by_key(|view| view.sock);
        Snapshot {
            taken: at(self.now),
            took: Duration::from_millis(1),
            cost: Duration::from_millis(1),
            jiffies: Some(jiffies(self.now)),
            sockets,
            unheld: Some(UnheldList::default()),
            openers: Vec::new(),
        }
    }

    fn view(&self, truth: &Truth) -> SocketView {
        let queued = (!truth.accepted).then(|| Queued {
            listener: Some(LISTENER),
            listeners: vec![holder(3, 3)],
            proven: true,
        });
        let spun = u32::try_from(truth.spun(0, self.now)).unwrap();
        let mut half = self.half.get(&truth.sock).copied();
        if let Some(half) = half.as_mut().filter(|half| half.eof_at.is_some()) {
            half.eof_count += spun;
        }
        let sequence = |bytes| Some(u32::try_from(bytes).unwrap());
        let stamp = |ms| u32::try_from(ms).unwrap();
        SocketView {
            sock: truth.sock,
            endpoints: truth.ends,
            state: truth.state,
            role: truth.role(),
            opener: self.openers.get(&truth.sock).cloned(),
            holders: Vec::from_iter(truth.accepted.then(|| truth.holder())),
            queued: queued.map(Box::new),
            inode: truth.accepted.then_some(truth.number),
            cookie: None,
            half: half.map(Box::new),
            fin_behind_hole: false,
            halted: None,
            waiting: None,
            counters: Some(SocketCounters {
                unread: truth.unread,
                snd_una: sequence(truth.acked),
                write_seq: sequence(truth.sent),
                bytes_sent: truth.sent,
                bytes_acked: truth.acked + u64::from(truth.client),
                bytes_received: truth.received,
                unacked: u32::try_from(truth.sent - truth.acked).unwrap(),
                retransmits: if truth.silent { 5 } else { 0 },
                backoff: if truth.silent { 5 } else { 0 },
                error: truth.error,
                window: Some(if truth.unread >= 64 << 10 {
                    0
                } else {
                    64 << 10
                }),
                shutdown: if truth.state == TcpState::Closed {
                    3
                } else {
                    0
                },
                fin_received: truth.fin_received,
                last_sent: stamp(truth.stamps.sent),
                last_received: stamp(truth.stamps.received),
                last_heard: stamp(truth.stamps.heard),
                ..SocketCounters::default()
            }),
        }
    }
}
