//! Connections that are over, so that a late record or an old snapshot does not bring them back.

use rustc_hash::FxHashMap;

use super::model::socket::SocketKey;
use super::model::time::Timestamp;

const PLACES: usize = 1024;

/// The last ends by socket address, one per place; all of them while a snapshot is under way.
#[derive(Debug)]
pub(super) struct Ended {
    recent: Box<[SocketKey]>,
    /// Every end since the snapshot was asked for, `None` while none is under way.
    during_snapshot: Option<FxHashMap<u64, Timestamp>>,
}

impl Ended {
    /// The tracker starts with a snapshot.
    pub(super) fn new() -> Self {
        let nobody = SocketKey {
            sock: 0,
            birth: Timestamp::from_nanos(0),
        };
        Self {
            recent: vec![nobody; PLACES].into_boxed_slice(),
            during_snapshot: Some(FxHashMap::default()),
        }
    }

    pub(super) fn note(&mut self, key: SocketKey) {
        if let Some(place) = self.recent.get_mut(place(key.sock))
            && (place.sock != key.sock || place.birth < key.birth)
        {
            *place = key;
        }
        if let Some(ends) = &mut self.during_snapshot {
            let birth = ends.entry(key.sock).or_insert(key.birth);
            *birth = key.birth.max(*birth);
        }
    }

    /// Whether the connection is known to be over.
    pub(super) fn contains(&self, key: SocketKey) -> bool {
        let recent = self
            .recent
            .get(place(key.sock))
            .is_some_and(|end| end.sock == key.sock && end.birth >= key.birth);
        recent
            || self
                .during_snapshot
                .as_ref()
                .and_then(|ends| ends.get(&key.sock))
                .is_some_and(|&birth| birth >= key.birth)
    }

    pub(super) fn snapshot_asked(&mut self) {
        self.during_snapshot.get_or_insert_default();
    }

    pub(super) fn snapshot_answered(&mut self) {
        self.during_snapshot = None;
    }
}

/// Sockets are aligned to at least 64 bytes: the low bits say nothing.
fn place(sock: u64) -> usize {
    let mixed = (sock >> 6) ^ (sock >> 16) ^ (sock >> 26);
    usize::try_from(mixed % PLACES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64, birth: u64) -> SocketKey {
        SocketKey {
            sock: 0xffff_8880_0000_0000 + n * 64,
            birth: Timestamp::from_nanos(birth),
        }
    }

    #[test]
    fn an_older_end_told_later_does_not_hide_a_younger_one() {
        let mut ended = Ended::new();
        ended.note(key(1, 5));
        // A minisock outlives the socket's next connection.
        ended.note(key(1, 4));
        assert!(ended.contains(key(1, 5)));
        ended.snapshot_answered();
        assert!(ended.contains(key(1, 5)));
    }

    #[test]
    fn an_end_stands_for_older_connections_of_the_same_socket() {
        let mut ended = Ended::new();
        ended.snapshot_answered();
        ended.note(key(1, 5));
        assert!(ended.contains(key(1, 5)));
        assert!(ended.contains(key(1, 4)));
        assert!(!ended.contains(key(1, 6)));
        assert!(!ended.contains(key(2, 5)));
    }

    #[test]
    fn every_end_is_kept_while_a_snapshot_is_under_way_and_few_afterwards() {
        let mut ended = Ended::new();
        ended.snapshot_answered();
        ended.snapshot_asked();
        let many = 10 * PLACES as u64;
        for n in 0..many {
            ended.note(key(n, 1));
        }
        assert!((0..many).all(|n| ended.contains(key(n, 1))));
        ended.snapshot_answered();
        let kept = (0..many).filter(|&n| ended.contains(key(n, 1))).count();
        assert!(kept <= PLACES);
    }
}
