//! Comparing the table with the kernel.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::arrival;
use super::book::Book;
use super::departure;
use super::identity::Identity;
use super::order;
use super::places::Slot;
use super::table::{Connection, Entry};
use super::time_wait;
use crate::model::event::Transition;
use crate::model::look::{Snapshot, SocketView, Unheld, UnheldList};
use crate::model::socket::{Attribution, Endpoints, Owner, SocketKey};
use crate::model::state::{Cause, TcpState};
use crate::model::time::Timestamp;
use crate::outbox::Outbox;

/// What a connection is called elsewhere.
pub(crate) type Names<'a> = &'a dyn Fn(u64, Endpoints) -> Option<SocketKey>;

/// One comparison.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) names: Names<'a>,
    /// What is found now was there before the stream.
    pub(super) first: bool,
}

/// How a socket of the look stands to the table.
enum Found {
    /// It is this connection's.
    Its(Slot),
    /// It has been this connection's, whose end was missed.
    Followed(Slot),
    /// Nothing of it is known.
    Unknown,
    /// What is known of it is younger than the look.
    Younger,
}

impl Comparison<'_> {
    /// Repairs the table; what happened after the look began stays. How many connections were wrong.
    pub(super) fn run(self, book: &mut Book, out: &mut Outbox) -> u64 {
        let mut corrected = 0;
        for view in &self.snapshot.sockets {
            corrected += u64::from(self.compare(book, view, out));
        }
        if let Some(unheld) = &self.snapshot.unheld {
            corrected += self.settle_unheld(book, unheld, out);
        }
        book.compared = book.compared.max(self.until());
        corrected
    }

    /// The look was over by then: it cannot show what happened later.
    fn until(self) -> Timestamp {
        self.snapshot.taken + self.snapshot.took
    }

    /// Compares one socket; whether the table was wrong.
    fn compare(self, book: &mut Book, view: &SocketView, out: &mut Outbox) -> bool {
        match self.find(book, view) {
            Found::Younger => false,
            Found::Its(slot) => self.compare_known(book, slot, view, out),
            Found::Followed(slot) => {
                departure::replace(book, slot, self.snapshot.taken, out);
                self.add(book, view, out);
                true
            }
            Found::Unknown => self.add(book, view, out),
        }
    }

    fn find(self, book: &Book, view: &SocketView) -> Found {
        let taken = self.snapshot.taken;
        let Some((slot, known)) = book.table.find(view.sock) else {
            let over = book.tombstones.cover(view.sock, taken);
            return if over { Found::Younger } else { Found::Unknown };
        };
        let state = if known.parted {
            TcpState::Closed
        } else {
            known.state
        };
        let fits = order::fits(state, view.state);
        let other = !fits || !order::are_same(known.id.endpoints, view.endpoints);
        if known.id.key.birth > taken || other && known.last() >= taken {
            Found::Younger
        } else if other {
            Found::Followed(slot)
        } else {
            Found::Its(slot)
        }
    }

    fn compare_known(
        self,
        book: &mut Book,
        slot: Slot,
        view: &SocketView,
        out: &mut Outbox,
    ) -> bool {
        let taken = self.snapshot.taken;
        arrival::settle(book, slot, view.endpoints, taken, out);
        let Some(known) = book.table.get_mut(slot) else {
            return false;
        };
        absorb(known, view, taken);
        if known.changed >= taken || known.parted {
            return false;
        }
        if known.state != view.state {
            let fin_at = fin_at(view);
            return self.correct(book, slot, view.state, fin_at, out);
        }
        if known.entry != Entry::Met {
            return false;
        }
        self.tell_found(book, slot, view, out);
        book.interest.tells(view.state)
    }

    /// Takes over the kernel's state; whether that was told.
    fn correct(
        self,
        book: &mut Book,
        slot: Slot,
        state: TcpState,
        entered: Option<Timestamp>,
        out: &mut Outbox,
    ) -> bool {
        let Some(known) = book.table.get_mut(slot) else {
            return false;
        };
        let entered = entered.filter(|&entered| entered > known.changed);
        let time = entered.unwrap_or(self.snapshot.taken);
        let transition = Transition {
            from: known.state,
            to: state,
            after: entered.and_then(|entered| known.spent_in(known.state, entered)),
            cause: Cause::Resync,
            segment_refused: None,
        };
        known.enter(state, time);
        known.entered = entered;
        known.changed = known.changed.max(self.until());
        if state == TcpState::CloseWait {
            known.fin_at = entered;
        }
        if state == TcpState::Closed {
            known.cause = Some(Cause::Resync);
        }
        book.tell_transition(slot, time, transition, out);
        book.interest.tells(state)
    }

    /// Adds a connection that nothing was heard of.
    fn add(self, book: &mut Book, view: &SocketView, out: &mut Outbox) -> bool {
        let taken = self.snapshot.taken;
        if view.state == TcpState::Closed && view.endpoints.peer.port() == 0 {
            return false;
        }
        let sock = view.sock;
        let opened = view.opener.as_ref().map(|opener| opener.since);
        let birth = opened.unwrap_or(taken);
        let key = (self.names)(sock, view.endpoints).unwrap_or(SocketKey { sock, birth });
        let mut id = Identity::new(key, view.endpoints, view.role);
        id.born = opened.is_some();
        let mut connection = Connection::new(id, view.state);
        connection.entered = fin_at(view);
        connection.changed = self.until();
        absorb(&mut connection, view, taken);
        let Some(slot) = arrival::admit(book, connection, taken, out) else {
            return false;
        };
        if self.first {
            if let Some(connection) = book.table.get_mut(slot) {
                connection.entry = Entry::Seeded;
            }
            return false;
        }
        self.tell_found(book, slot, view, out);
        true
    }

    /// Tells the state of a connection of which nothing was told.
    fn tell_found(self, book: &mut Book, slot: Slot, view: &SocketView, out: &mut Outbox) {
        let time = fin_at(view).unwrap_or(self.snapshot.taken);
        let transition = Transition {
            from: TcpState::Closed,
            to: view.state,
            after: None,
            cause: Cause::Resync,
            segment_refused: None,
        };
        if let Some(known) = book.table.get_mut(slot) {
            known.entry = Entry::Told;
            known.entered = known.entered.or(fin_at(view));
            known.changed = known.changed.max(self.until());
            // What led to it is not told any more, whether it is told or not.
            known.id.told = known.id.told.max(time);
        }
        if view.state != TcpState::Closed {
            book.tell_transition(slot, time, transition, out);
        }
    }

    /// Settles what has no descriptor any more: it is closing, a minisock, or gone, unless anything of it was heard
    /// since the look began or its namespace is not in the list.
    fn settle_unheld(self, book: &mut Book, unheld: &UnheldList, out: &mut Outbox) -> u64 {
        let taken = self.snapshot.taken;
        let listed: FxHashMap<Endpoints, Unheld> = unheld
            .sockets
            .iter()
            .map(|unheld| (unheld.endpoints, *unheld))
            .collect();
        let absent: Vec<Slot> = book
            .table
            .iter()
            .filter(|(_, c)| c.last() < taken && c.id.key.birth < taken)
            .filter(|(_, c)| unheld.namespaces.contains(&c.id.endpoints.netns))
            .filter(|(_, c)| self.snapshot.find(c.id.key.sock).is_none())
            .map(|(slot, _)| slot)
            .collect();
        let mut corrected = 0;
        for slot in absent {
            let endpoints = book.table.get(slot).map(|c| c.id.endpoints);
            let found = endpoints.and_then(|endpoints| listed.get(&endpoints));
            corrected += u64::from(self.settle_absent(book, slot, found, out));
        }
        let reached: Vec<Slot> = book
            .minisocks
            .iter()
            .filter(|(_, m)| m.substate == TcpState::FinWait2 && m.changed < taken)
            .filter(|(_, m)| {
                let found = listed.get(&m.id.endpoints);
                found.is_some_and(|found| found.minisock && found.state == TcpState::TimeWait)
            })
            .map(|(slot, _)| slot)
            .collect();
        corrected += reached.len() as u64;
        for slot in reached {
            time_wait::fin_reached(book, slot, taken, out);
        }
        corrected
    }

    /// One connection that no descriptor refers to.
    fn settle_absent(
        self,
        book: &mut Book,
        slot: Slot,
        found: Option<&Unheld>,
        out: &mut Outbox,
    ) -> bool {
        let taken = self.snapshot.taken;
        let Some(known) = book.table.get(slot) else {
            return false;
        };
        let (parted, state) = (known.parted, known.state);
        let closing = order::leads_to(state, TcpState::TimeWait);
        match found {
            Some(found) if !found.minisock && !parted && found.state == state => false,
            Some(found) if !found.minisock && !parted && order::leads_to(state, found.state) => {
                self.correct(book, slot, found.state, None, out)
            }
            Some(found) if found.minisock && !parted && closing => {
                time_wait::enter(book, slot, taken, state, found.state, Cause::Resync, out);
                if let Some(known) = book.table.get_mut(slot) {
                    known.released = true;
                }
                true
            }
            Some(_) | None => {
                departure::bury(book, slot, taken, out);
                !parted
            }
        }
    }
}

/// When the peer's FIN came, if that is what made the state.
fn fin_at(view: &SocketView) -> Option<Timestamp> {
    let half = view.half().filter(|_| view.state == TcpState::CloseWait);
    half.map(|half| half.fin_at)
}

/// Takes over what a look knows better.
fn absorb(known: &mut Connection, view: &SocketView, taken: Timestamp) {
    if let Some(opener) = &view.opener {
        known.id.offer_owner(opener);
    }
    if known.id.owner.is_none()
        && view.queued.is_none()
        && let Some(holder) = view.holders.iter().min_by_key(|h| (h.process.id, h.fd))
    {
        known.id.owner = Some(Owner {
            process: Arc::clone(&holder.process),
            thread: None,
            attribution: Attribution::Holder,
            since: taken,
        });
    }
    known.id.inode = view.inode.or(known.id.inode);
    known.id.offer_cookie(view.cookie);
    known.id.offer_role(view.role);
    known.fin_at = known.fin_at.or(fin_at(view));
}
