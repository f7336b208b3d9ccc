//! The stream: what happens to connections, for whoever asks. It exists only while somebody does.
//!
//! Records come in, events go out in the order of time. The table keeps what records alone do not tell: when a
//! connection began, which end it is, whose it is. Records may be lost, late, swapped or doubled: what the next one
//! shows to be missing is made up for at once, the rest by a comparison with the kernel.

mod arrival;
mod book;
mod change;
mod connection_line;
mod departure;
mod doubt;
mod end;
mod identity;
mod minisocks;
mod opening;
mod order;
mod other_end;
mod overflow;
mod places;
mod repair;
mod resync;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod time_wait;
mod tombstones;

use self::book::Book;
pub use self::book::Stats;
use self::repair::Repair;
use self::resync::Comparison;
pub(crate) use self::resync::Names;
use self::sweep::Sweep;
use crate::connection::OtherEnd;
use crate::model::event::{Body, Connection};
use crate::model::interest::Interest;
use crate::model::look::{Snapshot, Unheld};
use crate::model::observation::{Loss, Observation, What};
use crate::model::socket::{Endpoints, Owner, Role, SocketKey};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// Engine 2.
#[derive(Debug)]
pub(crate) struct Stream {
    book: Book,
    sweep: Sweep,
    repair: Repair,
}

/// A connection as lists and tests show it.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The connection.
    pub connection: Connection,
    /// When it entered its state, if that was seen.
    pub entered: Option<Timestamp>,
    /// It has no full socket any more.
    pub minisock: bool,
}

impl Stream {
    /// An empty table. It expects a look at the sockets that are there already; records may come before it.
    pub(crate) fn new(settings: &Settings, interest: Interest, now: Timestamp) -> Self {
        Self {
            book: Book::new(settings, interest, now),
            sweep: Sweep::default(),
            repair: Repair::new(now),
        }
    }

    /// Subscribers ask for something else from now on.
    pub(crate) const fn set_interest(&mut self, interest: Interest, now: Timestamp) {
        self.book.interest = interest;
        self.book.since = now;
    }

    /// One record. `now` may be later than the record.
    pub(crate) fn handle(&mut self, observation: &Observation, now: Timestamp, out: &mut Outbox) {
        let Observation { time, sock, what } = observation;
        let (book, time, sock) = (&mut self.book, *time, *sock);
        let unseen = book.unseen;
        match what {
            What::State(change) => change::recorded(book, time, sock, change, out),
            What::Open(open) => opening::recorded(book, time, sock, open, out),
            What::Eof(eof) => opening::eof_delivered(book, time, sock, eof, out),
            What::Segment { .. } => refuse_segment(book, time, sock),
            What::TimeWaitEntered {
                endpoints,
                substate,
            } => time_wait::entered(book, time, sock, *endpoints, *substate, out),
            What::TimeWaitLeft { endpoints } => time_wait::left(book, time, *endpoints, out),
            What::End(end) => end::recorded(book, time, sock, end, out),
            What::ResetWrite(_) | What::ResetQueued { .. } => {}
        }
        self.handle_missed_runs(self.book.unseen - unseen, now);
        self.sweep.plan(&self.book, now);
    }

    /// A look at everything. `names` is what the watch calls a connection.
    pub(crate) fn handle_look(
        &mut self,
        snapshot: &Snapshot,
        names: Names<'_>,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let first = !self.repair.seeded;
        if self.repair.answered(snapshot, now) {
            let comparison = Comparison {
                snapshot,
                names,
                first,
            };
            let corrected = comparison.run(&mut self.book, out);
            self.repair.seeded = true;
            if !first {
                let (sockets, took) = (snapshot.sockets.len() as u64, snapshot.took);
                let body = Body::Resync {
                    sockets,
                    corrected,
                    took,
                };
                out.tell(now, body);
                self.sweep.hurry(&self.book, now);
            }
        } else if !first {
            let contradicted = doubt::contradicted(&mut self.book, snapshot);
            self.handle_missed_runs(contradicted, now);
        }
        self.book.tombstones.look_answered();
    }

    /// What goes on without a descriptor in those of the namespaces asked for that could be listed.
    pub(crate) fn handle_time_wait(
        &mut self,
        namespaces: &[u32],
        unheld: &[Unheld],
        now: Timestamp,
        out: &mut Outbox,
    ) {
        self.sweep
            .answered(&mut self.book, namespaces, unheld, now, out);
    }

    /// Records were dropped.
    pub(crate) fn handle_loss(&mut self, loss: Loss, now: Timestamp, out: &mut Outbox) {
        self.repair.lost(loss, now, out);
    }

    /// No record was dropped up to now. Calling it whenever the counters were read and had not grown makes the `since`
    /// of a later `lost` event exact.
    pub(crate) fn handle_no_loss(&mut self, now: Timestamp) {
        self.repair.intact(now);
    }

    /// Programs did not run so often where they should have.
    pub(crate) fn handle_missed_runs(&mut self, runs: u64, now: Timestamp) {
        if runs > 0 {
            self.repair.missed(now);
        }
    }

    /// Something that [`Stream::timer_due`] announced is due.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        self.book.overflow.tell(now, out);
        self.sweep.ask(&mut self.book, now, out);
    }

    /// When to call [`Stream::handle_timeout`].
    pub(crate) fn timer_due(&self) -> Option<Timestamp> {
        let due = [self.book.overflow.due(), self.sweep.due(&self.book)];
        due.into_iter().flatten().min()
    }

    /// When it needs a look.
    pub(crate) fn look_due(&self) -> Option<Timestamp> {
        self.repair.due()
    }

    /// Whether it knows the sockets that were there before it.
    pub(crate) const fn is_seeded(&self) -> bool {
        self.repair.seeded
    }

    /// Whether it needs a look now, and whether that is to show what has no descriptor as well.
    pub(crate) fn wants_look(&self, now: Timestamp) -> Option<bool> {
        self.repair.due().filter(|&due| due <= now).map(|_| true)
    }

    /// A look is under way, whoever asked for it; it shows what has no descriptor, or it does not.
    pub(crate) fn looking(&mut self, unheld: bool) {
        self.book.tombstones.look_asked();
        if unheld {
            self.repair.asked();
        }
    }

    /// A look has failed.
    pub(crate) fn look_failed(&mut self, now: Timestamp) {
        self.book.tombstones.look_answered();
        self.repair.failed(now);
    }

    /// Name, role and opener of the connection that has this socket.
    pub(crate) fn known(
        &self,
        sock: u64,
        endpoints: Endpoints,
    ) -> Option<(SocketKey, Role, Option<&Owner>)> {
        let id = &self.book.table.find(sock)?.1.id;
        order::are_same(id.endpoints, endpoints).then_some((id.key, id.role, id.owner.as_ref()))
    }

    /// The other end of a connection, if that is or was on this host.
    pub(crate) fn other_end(&self, sock: u64, endpoints: Endpoints) -> Option<OtherEnd> {
        let ends = self.book.ends();
        match self.book.table.find(sock) {
            Some((_, known)) if order::are_same(known.id.endpoints, endpoints) => {
                ends.of(&known.id, known.fin_at)
            }
            Some(_) | None => ends.of_stranger(endpoints),
        }
    }

    /// Every connection, full sockets first.
    pub(crate) fn connections(&self) -> impl Iterator<Item = View> {
        let (book, ends) = (&self.book, self.book.ends());
        let full = book.table.iter().filter(|(_, c)| !c.parted);
        let full = full.filter_map(|(slot, c)| {
            Some(View {
                connection: book.shown(slot, c.state)?,
                entered: c.entered,
                minisock: false,
            })
        });
        let minisocks = book.minisocks.iter().map(move |(_, m)| {
            let peer = ends.of(&m.id, None).and_then(|peer| peer.owner);
            View {
                connection: m.id.shown(m.substate, peer),
                entered: m.entered,
                minisock: true,
            }
        });
        full.chain(minisocks)
    }

    /// How many connections there is memory for.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        self.book.table.capacity()
    }

    /// Gives back the memory of connections that have gone.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.book.table.shrink_to_fit();
        self.book.minisocks.shrink_to_fit();
    }

    /// Counts.
    pub(crate) fn stats(&self) -> Stats {
        self.book.stats()
    }
}

/// A FIN or RST was not accepted at once: the next change shows it.
fn refuse_segment(book: &mut Book, time: Timestamp, sock: u64) {
    let known = book.table.find(sock).map(|(slot, _)| slot);
    if let Some(known) = known.and_then(|slot| book.table.get_mut(slot)) {
        known.id.refused = known.id.refused.max(Some(time));
    }
}
