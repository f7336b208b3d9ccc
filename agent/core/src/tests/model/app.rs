//! What applications and peers do.

use super::*;

impl Model {
    /// The application acts.
    pub(super) fn app(&mut self, index: usize, act: Act) {
        let connection = &mut self.connections[index];
        let state = connection.state;
        if matches!(act, Act::Accept) {
            if connection.open && !connection.accepted {
                connection.accepted = true;
                connection.busy_at = self.now;
                self.owned(index);
            }
            return;
        }
        if !connection.open || !connection.accepted {
            return;
        }
        match act {
            Act::Read if state == TcpState::CloseWait => self.read_half_closed(index),
            Act::Read | Act::Splice if connection.unread > 0 => {
                connection.unread = 0;
                connection.busy_at = self.now;
            }
            Act::Read if state == TcpState::Closed && connection.error != 0 => {
                connection.error = 0;
                connection.busy_at = self.now;
            }
            Act::Write if matches!(state, TcpState::Established | TcpState::CloseWait) => {
                connection.sent += 10;
                connection.busy_at = self.now;
                if !connection.silent {
                    connection.acked += 10;
                }
                if state == TcpState::CloseWait && connection.written.is_none() {
                    let pid = connection.holder;
                    connection.written = Some(self.now);
                    let bytes = 10;
                    self.record(
                        index,
                        What::Write {
                            pid,
                            thread: pid,
                            bytes,
                        },
                    );
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
        if unread > 0 {
            connection.busy_at = now;
        }
        if unread > 1 {
            connection.fin_with_data = true;
            return;
        }
        connection.eof_count += 1;
        if connection.eof_at.is_none() {
            let pid = connection.holder;
            connection.eof_at = Some(now);
            connection.eof_by = pid;
            connection.busy_at = now;
            self.record(index, What::Eof { pid, thread: pid });
        }
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
            }
            // Data are under way that nobody acknowledges.
            Act::Silence if state == TcpState::Established => {
                connection.sent += 10;
                connection.silent = true;
                connection.busy_at = now;
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
    }

    /// The peer acknowledges everything.
    pub(super) fn answers(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if std::mem::take(&mut connection.silent) {
            connection.acked = connection.sent + u64::from(connection.client);
            connection.busy_at = self.now;
        }
    }

    /// The opener is seen.
    pub(super) fn owned(&mut self, index: usize) {
        let connection = &self.connections[index];
        let what = What::Owner {
            endpoints: connection.ends,
            state: connection.state,
            role: connection.role(),
            owner: owner(7, connection.opened()),
            inode: None,
        };
        self.record(index, what);
    }

    fn send_fin(&mut self, index: usize, closed: bool) {
        let to = match self.connections[index].state {
            TcpState::Established => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            _ => return,
        };
        self.turn(index, to, |change| change.closed = closed);
    }

    fn drop_descriptor(&mut self, index: usize) {
        self.connections[index].open = false;
        match self.connections[index].state {
            TcpState::Closed => {
                self.connections[index].full = false;
                self.record(index, What::Gone);
            }
            TcpState::FinWait2 => self.time_wait(index, TcpState::FinWait2),
            _ => {}
        }
    }
}
