//! How long the connections of an incident have gone unnoticed: counts per second in which they began, so that what is
//! kept does not grow with their number.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scales::{EVERY, SCALES};
use super::standing::Kind;
use crate::model::time::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// Connections by the second since when they are unnoticed, in watched time.
#[derive(Debug, Default)]
pub(super) struct Ages {
    buckets: BTreeMap<u64, Bucket>,
    /// Those that began before this second, all alike by now.
    old: Bucket,
    old_until: u64,
}

/// What is settled, by second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Settled {
    until: [u64; SCALES.len()],
    old_until: u64,
}

/// Those that began in one second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    counts: [u32; Kind::COUNT],
    /// Bit `n`: settled by the measure of scale `n` of the trend.
    pub(super) settled: u8,
}

impl Bucket {
    fn len(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Those that somebody could act on.
    pub(super) fn running(&self) -> u32 {
        self.counts.iter().step_by(2).sum()
    }

    /// What nobody could act on never counts as settled.
    const fn settled_if(&self, kind: Kind) -> u8 {
        if kind.halted { 0 } else { self.settled }
    }
}

impl Ages {
    /// One more; returns its second, and the scales by which it counts as settled already.
    pub(super) fn add(&mut self, since: Timestamp, kind: impl Into<Kind>) -> (u64, u8) {
        let kind = kind.into();
        let second = since.as_nanos() / SECOND;
        let bucket = if second < self.old_until {
            &mut self.old
        } else {
            self.buckets.entry(second).or_default()
        };
        bucket.counts[kind.index()] += 1;
        (second, bucket.settled_if(kind))
    }

    /// Up to which second all are settled by which measure, and before which they are alike.
    pub(super) fn settled(&self) -> Settled {
        let mut settled = Settled {
            until: [self.old_until; SCALES.len()],
            old_until: self.old_until,
        };
        for (second, bucket) in &self.buckets {
            for (n, until) in settled.until.iter_mut().enumerate() {
                if bucket.settled & (1 << n) != 0 {
                    *until = (*until).max(second + 1);
                }
            }
        }
        settled
    }

    /// Goes on where others were so far settled.
    pub(super) fn resume(settled: Settled) -> Self {
        let mut ages = Self {
            old_until: settled.old_until,
            ..Self::default()
        };
        ages.old.settled = EVERY;
        ages
    }

    /// One that was there before; whether it is settled follows from its second.
    pub(super) fn take_back(&mut self, second: u64, kind: Kind, settled: Settled) {
        let bucket = if second < self.old_until {
            &mut self.old
        } else {
            let bucket = self.buckets.entry(second).or_default();
            for (n, until) in settled.until.iter().enumerate() {
                bucket.settled |= u8::from(second < *until) << n;
            }
            bucket
        };
        bucket.counts[kind.index()] += 1;
    }

    /// It is of another kind now.
    pub(super) fn change(&mut self, second: u64, from: Kind, to: Kind) {
        if let Some(bucket) = self.bucket(second) {
            bucket.counts[from.index()] -= 1;
            bucket.counts[to.index()] += 1;
        }
    }

    /// One less; returns the scales by which it counted as settled.
    pub(super) fn remove(&mut self, second: u64, kind: impl Into<Kind>) -> u8 {
        let kind = kind.into();
        let Some(bucket) = self.bucket(second) else {
            return 0;
        };
        bucket.counts[kind.index()] -= 1;
        let (settled, left) = (bucket.settled_if(kind), bucket.len());
        if left == 0 {
            self.buckets.remove(&second);
        }
        settled
    }

    /// So many seconds are told apart.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    fn bucket(&mut self, second: u64) -> Option<&mut Bucket> {
        if second < self.old_until {
            Some(&mut self.old)
        } else {
            self.buckets.get_mut(&second)
        }
    }

    /// Those that began before a moment, but for what is old.
    pub(super) fn until(&mut self, moment: Timestamp) -> impl Iterator<Item = &mut Bucket> {
        let second = moment.as_nanos() / SECOND;
        self.buckets.range_mut(..second).map(|(_, bucket)| bucket)
    }

    /// How many of a kind have been unnoticed for so long.
    pub(super) fn older(&self, kind: impl Into<Kind>, age: Duration, now: Timestamp) -> u32 {
        let index = kind.into().index();
        let second = (now - age).as_nanos() / SECOND;
        let recent = self.buckets.range(..=second);
        let recent = recent.map(|(_, bucket)| bucket.counts[index]);
        let old = if self.old_until <= second {
            self.old.counts[index]
        } else {
            0
        };
        recent.sum::<u32>() + old
    }

    /// Makes one of all that began before a moment; they are settled by `every` measure.
    pub(super) fn merge(&mut self, moment: Timestamp, every: u8) {
        let second = moment.as_nanos() / SECOND;
        let later = self.buckets.split_off(&second);
        let old = std::mem::replace(&mut self.buckets, later);
        for bucket in old.into_values() {
            for (sum, count) in self.old.counts.iter_mut().zip(bucket.counts) {
                *sum += count;
            }
        }
        self.old.settled = every;
        self.old_until = self.old_until.max(second);
    }
}

#[cfg(test)]
mod tests {
    use super::super::standing::Standing;
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * SECOND)
    }

    #[test]
    fn a_connection_is_found_again_when_it_has_become_old() {
        let mut ages = Ages::default();
        let added: Vec<_> = (0..10_000)
            .map(|n| ages.add(at(n), Standing::Open).0)
            .collect();
        ages.merge(at(9_000), 7);
        assert_eq!(ages.buckets.len(), 1_000);
        assert_eq!(ages.add(at(5), Standing::Pool), (5, 7));
        let hundred = Duration::from_secs(100);
        assert_eq!(ages.older(Standing::Open, hundred, at(9_599)), 9_500);
        assert_eq!(ages.remove(5, Standing::Pool), 7);
        for second in added {
            let settled = ages.remove(second, Standing::Open);
            assert_eq!(settled, if second < 9_000 { 7 } else { 0 });
        }
        assert!(ages.buckets.is_empty());
        assert_eq!(ages.old.len(), 0);
    }
}
