//! The other end of a connection, where both are on this host.

use super::identity::{Gone, Identity};
use super::minisocks::Minisocks;
use super::places::Slot;
use super::table::Table;
use crate::connection::OtherEnd;
use crate::model::socket::Endpoints;
use crate::model::state::TcpState;
use crate::model::time::Timestamp;

/// Where connections are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    pub(super) table: &'a Table,
    pub(super) minisocks: &'a Minisocks,
}

/// Where one was found.
#[derive(Clone, Copy, Debug)]
enum Place {
    Full(Slot),
    Minisock(Slot),
}

/// One that was found.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    place: Place,
    id: &'a Identity,
    state: TcpState,
}

impl<'a> Ends<'a> {
    /// The other end of this connection, if that is or was on this host.
    pub(super) fn of(self, id: &Identity, fin_at: Option<Timestamp>) -> Option<OtherEnd> {
        if let Some(gone) = &id.gone {
            return Some(OtherEnd {
                owner: gone.owner.clone(),
                state: TcpState::Closed,
                held: None,
            });
        }
        let found = self.opposite(id.endpoints)?;
        (!is_older(fin_at, found.id)).then(|| found.shown())
    }

    /// The other end of a connection that is not in the table.
    pub(super) fn of_stranger(self, endpoints: Endpoints) -> Option<OtherEnd> {
        Some(self.opposite(endpoints)?.shown())
    }

    /// In the same namespace, or in another one if only one has such addresses (loopback addresses never leave their
    /// namespace).
    fn opposite(self, endpoints: Endpoints) -> Option<Found<'a>> {
        let reversed = endpoints.reversed();
        let full = self.table.between(reversed).map(|(slot, c)| Found {
            place: Place::Full(slot),
            id: &c.id,
            state: c.state,
        });
        let minisocks = self.minisocks.between(reversed).map(|(slot, m)| Found {
            place: Place::Minisock(slot),
            id: &m.id,
            state: m.substate,
        });
        let mut elsewhere = None;
        let mut others = 0_u32;
        for end in full.chain(minisocks) {
            if end.id.endpoints.netns == endpoints.netns {
                return Some(end);
            }
            others += 1;
            elsewhere = Some(end);
        }
        elsewhere.filter(|_| others == 1 && !endpoints.peer.ip().is_loopback())
    }
}

impl Found<'_> {
    fn shown(&self) -> OtherEnd {
        OtherEnd {
            owner: self.id.owner.clone(),
            state: self.state,
            held: None,
        }
    }
}

/// A connection has been removed of which nothing was heard after `last`: its other end remembers whose it was.
pub(super) fn part(
    table: &mut Table,
    minisocks: &mut Minisocks,
    removed: &Identity,
    last: Timestamp,
) {
    let ends = Ends {
        table: &*table,
        minisocks: &*minisocks,
    };
    // One that is younger belongs to the next connection between the same addresses.
    let found = ends
        .opposite(removed.endpoints)
        .filter(|end| end.id.key.birth <= last)
        .map(|end| end.place);
    let (end, fin_at) = match found {
        Some(Place::Full(slot)) => match table.get_mut(slot) {
            Some(end) => (&mut end.id, end.fin_at),
            None => return,
        },
        Some(Place::Minisock(slot)) => match minisocks.get_mut(slot) {
            Some(end) => (&mut end.id, None),
            None => return,
        },
        None => return,
    };
    if !is_older(fin_at, removed) {
        end.gone.get_or_insert_with(|| Gone {
            owner: removed.owner.clone(),
        });
    }
}

/// Whether a connection whose peer's FIN came at `fin_at` had ended at its far end before the other one began: the
/// addresses were used again.
fn is_older(fin_at: Option<Timestamp>, end: &Identity) -> bool {
    end.born && fin_at.is_some_and(|fin| end.key.birth > fin)
}
