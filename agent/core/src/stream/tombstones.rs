//! Sockets whose connection is over, so that a late record or an old look does not bring it back.

use rustc_hash::FxHashMap;

use crate::model::time::Timestamp;

const PLACES: usize = 1024;

/// Nothing of this socket's connection is younger.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    sock: u64,
    time: Timestamp,
}

/// The last ends by socket address, one per place; all of them while a look is under way.
#[derive(Debug)]
pub(super) struct Tombstones {
    recent: Box<[End]>,
    /// Every end since the look was asked for, `None` while none is under way.
    during_look: Option<FxHashMap<u64, Timestamp>>,
}

impl Tombstones {
    /// The stream starts with a look.
    pub(super) fn new() -> Self {
        Self {
            recent: vec![End::default(); PLACES].into_boxed_slice(),
            during_look: Some(FxHashMap::default()),
        }
    }

    pub(super) fn note(&mut self, sock: u64, time: Timestamp) {
        if let Some(place) = self.recent.get_mut(place(sock))
            && (place.sock != sock || place.time < time)
        {
            *place = End { sock, time };
        }
        if let Some(ends) = &mut self.during_look {
            let end = ends.entry(sock).or_insert(time);
            *end = time.max(*end);
        }
    }

    /// Whether the connection that had this socket at `time` is known to be over.
    pub(super) fn cover(&self, sock: u64, time: Timestamp) -> bool {
        let recent = self
            .recent
            .get(place(sock))
            .is_some_and(|end| end.sock == sock && end.time >= time);
        recent
            || self
                .during_look
                .as_ref()
                .and_then(|ends| ends.get(&sock))
                .is_some_and(|&end| end >= time)
    }

    pub(super) fn look_asked(&mut self) {
        self.during_look.get_or_insert_default();
    }

    pub(super) fn look_answered(&mut self) {
        self.during_look = None;
    }
}

/// Sockets are aligned to at least 64 bytes: the low bits say nothing. Those named by their cookie count from 1.
fn place(sock: u64) -> usize {
    let mixed = (sock >> 6) ^ (sock >> 16) ^ (sock >> 26) ^ sock;
    usize::try_from(mixed % PLACES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sock(n: u64) -> u64 {
        0xffff_8880_0000_0000 + n * 64
    }

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn an_older_end_told_later_does_not_hide_a_younger_one() {
        let mut tombstones = Tombstones::new();
        tombstones.note(sock(1), at(5));
        tombstones.note(sock(1), at(4));
        assert!(tombstones.cover(sock(1), at(5)));
        tombstones.look_answered();
        assert!(tombstones.cover(sock(1), at(5)));
    }

    #[test]
    fn an_end_stands_for_what_came_before_it_under_the_same_address() {
        let mut tombstones = Tombstones::new();
        tombstones.look_answered();
        tombstones.note(sock(1), at(5));
        assert!(tombstones.cover(sock(1), at(5)));
        assert!(tombstones.cover(sock(1), at(4)));
        assert!(!tombstones.cover(sock(1), at(6)));
        assert!(!tombstones.cover(sock(2), at(5)));
    }

    #[test]
    fn every_end_is_kept_while_a_look_is_under_way_and_few_afterwards() {
        let mut tombstones = Tombstones::new();
        tombstones.look_answered();
        tombstones.look_asked();
        let many = 10 * PLACES as u64;
        for n in 0..many {
            tombstones.note(sock(n), at(1));
        }
        assert!((0..many).all(|n| tombstones.cover(sock(n), at(1))));
        tombstones.look_answered();
        let kept = (0..many).filter(|&n| tombstones.cover(sock(n), at(1)));
        assert!(kept.count() <= PLACES);
    }
}
