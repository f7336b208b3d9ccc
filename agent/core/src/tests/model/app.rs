//! What applications and peers do.

use super::*;
use crate::model::observation::{Eof, Open};

impl Model {
    /// The application acts.
    pub(super) fn app(&mut self, index: usize, act: Act) {
        let connection = &mut self.connections[index];
        let state = connection.state;
        if matches!(act, Act::Accept) {
            if connection.open && !connection.accepted {
                connection.accepted = true;
                connection.accepted_at = self.now;
                connection.busy_at = self.now;
                self.opened(index);
            }
            return;
        }
        if !connection.open || !connection.accepted {
            return;
        }
        match act {
            Act::Read if state == TcpState::CloseWait => self.read_half_closed(index),
            Act::Peek if state == TcpState::CloseWait && connection.unread == 1 => {
                self.deliver_end(index);
            }
            Act::Read | Act::Splice if connection.unread > 0 => {
                // An end that was told before is no news.
                if connection.unread > 1 || connection.eof_at.is_none() {
                    connection.busy_at = self.now;
                }
                connection.unread = 0;
                connection.read_at = self.now;
            }
            Act::Read if state == TcpState::Closed && connection.error != 0 => {
                connection.error = 0;
                connection.busy_at = self.now;
            }
            Act::Write if matches!(state, TcpState::Established | TcpState::CloseWait) => {
                connection.sent += 100;
                connection.busy_at = self.now;
                connection.stamps.sent = self.now;
                if !connection.silent {
                    connection.acked += 100;
                    connection.stamps.heard = self.now;
                }
                if state == TcpState::CloseWait {
                    connection.written = Some(self.now);
                }
            }
            Act::Exchange | Act::Silence | Act::Hand | Act::Spin => self.more(index, act),
            Act::Shutdown => self.send_fin(index, false),
            Act::Close => {
                self.send_fin(index, true);
                self.drop_descriptor(index);
            }
            _ => {}
        }
    }

    /// Data and FIN are taken together; the FIN alone is the end-of-stream.
    fn read_half_closed(&mut self, index: usize) {
        let now = self.now;
        let connection = &mut self.connections[index];
        let unread = std::mem::take(&mut connection.unread);
        if unread > 1 {
            (connection.busy_at, connection.read_at) = (now, now);
            connection.fin_with_data = true;
            if let Some(half) = self.half.get_mut(&connection.sock) {
                half.fin_with_data = true;
            }
            return;
        }
        self.deliver_end(index);
    }

    fn deliver_end(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let (now, pid) = (self.now, connection.holder);
        if connection.eof_at.is_none() {
            connection.eof_at = Some(now);
            connection.eof_by = pid;
            if self.half.contains_key(&connection.sock) {
                connection.busy_at = now;
            }
        }
        let (endpoints, state) = (connection.ends, connection.state);
        let place = self.half.get_mut(&connection.sock);
        let fin_at = place.as_ref().map(|half| half.fin_at);
        if let Some(half) = place {
            half.eof_at = half.eof_at.or(Some(at(now)));
            half.eof_by = half.eof_by.or(Some(pid));
            half.eof_count += 1;
        }
        let eof = Eof {
            endpoints,
            state,
            fin_at,
            pid,
            thread: pid,
        };
        self.record(index, What::Eof(eof));
    }

    /// The rest of what an application does.
    fn more(&mut self, index: usize, act: Act) {
        let now = self.now;
        let connection = &mut self.connections[index];
        let state = connection.state;
        match act {
            Act::Exchange if state == TcpState::Established && connection.unread == 0 => {
                if connection.silent {
                    return;
                }
                connection.sent += 10;
                connection.acked += 10;
                connection.received += 20;
                connection.busy_at = now;
                connection.stamps = Stamps::at(now);
            }
            // Data are under way that nobody acknowledges.
            Act::Silence if matches!(state, TcpState::Established | TcpState::CloseWait) => {
                connection.sent += 10;
                connection.silent = true;
                connection.busy_at = now;
                connection.stamps.sent = now;
                if state == TcpState::CloseWait {
                    connection.written = Some(now);
                }
            }
            Act::Hand if connection.holder == 7 => {
                connection.holder = 8;
                connection.handed_at = now;
            }
            Act::Spin if state == TcpState::CloseWait && connection.eof_at.is_some() => {
                match connection.spinning.take() {
                    Some(since) => connection.spins.push((since, now)),
                    None => connection.spinning = Some(now),
                }
            }
            _ => {}
        }
    }

    /// More than anybody reads at once.
    pub(super) fn flood(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.unread += 70_000;
        connection.received += 70_000;
        connection.busy_at = self.now;
        connection.stamps.received = self.now;
        connection.stamps.heard = self.now;
    }

    /// The peer acknowledges everything.
    pub(super) fn answers(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if std::mem::take(&mut connection.silent) {
            connection.acked = connection.sent;
            connection.busy_at = self.now;
            connection.stamps.heard = self.now;
        }
    }

    /// The opener is seen.
    pub(super) fn opened(&mut self, index: usize) {
        let connection = &self.connections[index];
        let owner = Owner {
            since: at(self.now),
            ..owner(7, connection.opened_by())
        };
        if self.places != Places::Lost {
            self.openers.insert(connection.sock, owner.clone());
        }
        let open = Open {
            endpoints: connection.ends,
            state: connection.state,
            role: connection.role(),
            owner,
            inode: None,
        };
        self.record(index, What::Open(open));
    }

    fn send_fin(&mut self, index: usize, closed: bool) {
        let to = match self.connections[index].state {
            TcpState::Established => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            _ => return,
        };
        if to == TcpState::LastAck {
            self.half.remove(&self.connections[index].sock);
        }
        self.turn(index, to, |change| change.closed = closed);
    }

    fn drop_descriptor(&mut self, index: usize) {
        self.connections[index].open = false;
        match self.connections[index].state {
            TcpState::Closed => self.release(index),
            TcpState::FinWait2 => self.time_wait(index, TcpState::FinWait2),
            _ => {}
        }
    }
}
