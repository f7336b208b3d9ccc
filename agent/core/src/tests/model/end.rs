//! How connections end.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "in most states most of it does nothing"
)]

use super::*;
use crate::model::observation::{End, Life, ResetWrite};

impl Model {
    /// The peer resets it.
    pub(super) fn reset(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.error = 104;
        let (role, endpoints) = (connection.role(), connection.ends);
        let Truth { sock, sent, .. } = *connection;
        let half = self.half.get(&sock).copied();
        let queued = connection.open && !connection.accepted;
        let half = half.filter(|_| connection.state == TcpState::CloseWait);
        if let Some((half, written)) = half.zip(connection.written) {
            let careless = connection.client && written >= connection.fin_at + 100;
            self.refused.push((self.now, careless));
            let reset = ResetWrite {
                endpoints,
                role,
                fin_at: half.fin_at,
                bytes: sent - u64::from(half.write_seq),
                sent_at: Some(at(written)),
                eof_at: half.eof_at,
                eof_by: half.eof_by,
                dead: false,
            };
            self.record(index, What::ResetWrite(reset));
        }
        if queued {
            self.record(index, What::ResetQueued { endpoints });
        }
        self.remember_reset(index);
        self.closed(index, |c| c.error = 104);
    }

    fn remember_reset(&mut self, index: usize) {
        let connection = &self.connections[index];
        let open = matches!(
            connection.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        );
        if open && connection.open {
            self.remember(index, true);
        }
    }

    /// The peer's FIN arrives.
    pub(super) fn fin(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.fin_received |= matches!(
            connection.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        );
        match connection.state {
            TcpState::Established => {
                connection.unread += 1;
                connection.received += 1;
                connection.fin_at = self.now;
                connection.acked_at_fin = connection.acked;
                connection.busy_at = self.now;
                connection.stamps.heard = self.now;
                self.remember(index, false);
                self.turn(index, TcpState::CloseWait, |_| {});
            }
            TcpState::FinWait1 => self.turn(index, TcpState::Closing, |_| {}),
            TcpState::FinWait2 => self.time_wait(index, TcpState::TimeWait),
            _ => {}
        }
    }

    /// What the kernel programs remember of the peer's end.
    fn remember(&mut self, index: usize, by_reset: bool) {
        let connection = &mut self.connections[index];
        (connection.ended_at, connection.at_end) = (self.now, connection.stamps);
        self.fins += 1;
        let kept = match self.places {
            Places::Kept => true,
            Places::Some => self.fins.is_multiple_of(2),
            Places::Lost => false,
        };
        let sequence = |bytes| u32::try_from(bytes).unwrap();
        let place = HalfClosed {
            snd_una: sequence(connection.acked),
            write_seq: sequence(connection.sent),
            unread: connection.unread,
            last_sent: sequence(connection.at_end.sent),
            last_received: sequence(connection.at_end.received),
            by_reset,
            ..fin(self.now)
        };
        if kept {
            self.half.insert(connection.sock, place);
        }
    }

    pub(super) fn ack_of_fin(&mut self, index: usize) {
        match self.connections[index].state {
            TcpState::FinWait1 => {
                self.connections[index].stamps.heard = self.now;
                self.turn(index, TcpState::FinWait2, |_| {});
                if !self.connections[index].open {
                    self.time_wait(index, TcpState::FinWait2);
                }
            }
            TcpState::Closing => self.time_wait(index, TcpState::TimeWait),
            TcpState::LastAck => self.closed(index, |_| {}),
            _ => {}
        }
    }

    /// A minisock takes over.
    pub(super) fn time_wait(&mut self, index: usize, substate: TcpState) {
        let endpoints = self.connections[index].ends;
        let what = What::TimeWaitEntered {
            endpoints,
            substate,
        };
        self.record(index, what);
        self.closed(index, |c| c.fin_received = substate == TcpState::TimeWait);
    }

    pub(super) fn closed(&mut self, index: usize, edit: impl FnOnce(&mut StateChange)) {
        self.turn(index, TcpState::Closed, edit);
        if !self.connections[index].open {
            self.release(index);
        }
    }

    /// The memory of the socket is freed.
    pub(super) fn release(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.full = false;
        let (sock, role) = (connection.sock, connection.role());
        let end = End {
            endpoints: connection.ends,
            role,
            life: Life::default(),
            bytes_sent: connection.sent,
            bytes_received: connection.received,
            cookie: None,
        };
        self.record(index, What::End(end));
        self.half.remove(&sock);
        self.marked.remove(&sock);
    }
}
