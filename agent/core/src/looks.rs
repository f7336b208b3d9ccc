//! When to look at everything: one pass over the kernel for all who want one, within a part of the time.

use std::time::Duration;

use crate::model::look::Snapshot;
use crate::model::time::Timestamp;

/// Looks may take one part in so many of the time.
const DUTY: u32 = 50;
/// Time that was not taken is kept for so long: a single slow pass does not put off the next one.
const SAVED: Duration = Duration::from_secs(10);
/// A pass that has not come after this time is asked for again.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a pass that failed.
const RETRY: Duration = Duration::from_secs(1);

/// What looks have cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookStats {
    /// How many there were.
    pub count: u64,
    /// How long all of them took.
    pub took: Duration,
    /// How long the longest took.
    pub longest: Duration,
    /// How long the latest took.
    pub last: Duration,
    /// How many sockets the latest found.
    pub sockets: u64,
}

/// The looks.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// One is under way, asked for then.
    asked: Option<Timestamp>,
    /// All passes together have had their part of the time up to this moment.
    paid: Timestamp,
    /// The next one may not begin before.
    not_before: Timestamp,
    /// The latest one showed the kernel as it was then.
    latest: Timestamp,
    /// Somebody else than the engines wants to see every socket, since then.
    wanted: Option<Timestamp>,
    stats: LookStats,
}

impl Looks {
    /// Whether the first one has come.
    pub(crate) const fn have_begun(&self) -> bool {
        self.stats.count > 0
    }

    /// What they have cost.
    pub(crate) const fn stats(&self) -> LookStats {
        self.stats
    }

    /// The latest one showed the kernel as it was then.
    pub(crate) const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Somebody else than the engines wants to see every socket. Several are served by one look.
    pub(crate) fn want(&mut self, now: Timestamp) {
        self.wanted.get_or_insert(now);
    }

    /// Since when somebody has wanted that.
    pub(crate) const fn wanted(&self) -> Option<Timestamp> {
        self.wanted
    }

    /// When to ask for the look that is wanted at `due`.
    pub(crate) fn when(&self, due: Timestamp) -> Timestamp {
        match self.asked {
            Some(asked) => due.max(asked + PATIENCE),
            None => due.max(self.not_before),
        }
    }

    /// One was asked for.
    pub(crate) const fn ask(&mut self, now: Timestamp) {
        self.asked = Some(now);
        self.wanted = None;
    }

    /// One has come, and cost so much: the next one waits until its part of the time has come, unless enough was
    /// saved before.
    pub(crate) fn come(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let took = snapshot.took;
        self.asked = None;
        self.latest = self.latest.max(snapshot.taken);
        self.stats = LookStats {
            count: self.stats.count + 1,
            took: self.stats.took.saturating_add(took),
            longest: self.stats.longest.max(took),
            last: took,
            sockets: snapshot.sockets.len() as u64,
        };
        self.paid = self.paid.max(now - SAVED) + snapshot.cost.saturating_mul(DUTY);
        self.not_before = self.paid.max(now);
    }

    /// It could not be made.
    pub(crate) fn fail(&mut self, now: Timestamp) {
        self.asked = None;
        self.not_before = self.not_before.max(now + RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000_000 + ms * 1_000_000)
    }

    /// It takes half a second.
    fn look(ms: u64) -> Snapshot {
        Snapshot {
            taken: at(ms),
            took: Duration::from_millis(500),
            cost: Duration::from_millis(500),
            jiffies: None,
            sockets: Vec::new(),
            unheld: None,
            openers: Vec::new(),
        }
    }

    #[test]
    fn looks_take_their_part_of_the_time_whoever_wants_them() {
        let mut looks = Looks::default();
        let (mut now, mut count) = (0, 0_u64);
        loop {
            let when = looks.when(at(now));
            now = (when.as_nanos() - at(0).as_nanos()).div_ceil(1_000_000);
            if now >= 60_000 {
                break;
            }
            looks.ask(at(now));
            looks.come(&look(now), at(now));
            count += 1;
        }
        // What was saved before, and the first and the last one.
        assert!(count * 500 <= (60_000 + 10_000) / 50 + 2 * 500, "{count}");
    }

    #[test]
    fn whoever_wants_to_see_every_socket_waits_for_the_part_of_the_time_as_all_do() {
        let mut looks = Looks::default();
        for second in 0..60 {
            let now = at(second * 1000);
            looks.want(now);
            looks.want(at(second * 1000 + 1));
            assert_eq!(looks.wanted(), Some(now), "one look serves both");
            let when = looks.when(now);
            if when <= now {
                looks.ask(now);
                looks.come(&look(second * 1000), now);
            }
            looks.wanted = None;
        }
        assert!(looks.stats().count <= 5, "{:?}", looks.stats());
    }

    #[test]
    fn a_failed_pass_is_asked_for_again_once_a_second() {
        let mut looks = Looks::default();
        looks.ask(at(0));
        assert_eq!(looks.when(at(1)), at(10_000), "one is under way");
        looks.fail(at(5));
        assert_eq!(looks.when(at(6)), at(1005));
    }
}
