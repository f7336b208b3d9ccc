//! How long to wait between two tries: twice as long each time, and never as long as the others do, so that all hosts do
//! not come back in the same instant.

use std::time::Duration;

use super::limits::Limits;

/// After failures in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            next: limits.first,
            longest: limits.longest,
        }
    }

    /// How long to wait now: between half and all of what is due, and at least as long as the receiver asks for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let due = self.next.min(self.longest);
        self.next = due.saturating_mul(2);
        let jitter = due.mul_f64(0.5 + fastrand::f64() / 2.0);
        let asked = asked.unwrap_or_default();
        jitter.max(asked.saturating_add(jitter.min(asked / 10)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        count: 1,
        bytes: 1,
        batch: 1,
        batch_bytes: 1,
        patience: Duration::ZERO,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(30),
    };

    #[test]
    fn each_wait_is_up_to_twice_the_one_before_and_never_longer_than_the_longest() {
        for _ in 0..100 {
            let mut backoff = Backoff::new(&LIMITS);
            for due in [1, 2, 4, 8, 16, 30, 30, 30] {
                let due = Duration::from_secs(due);
                let wait = backoff.next(None);
                assert!(wait >= due / 2 && wait <= due, "{wait:?} of {due:?}");
            }
        }
    }

    #[test]
    fn no_two_hosts_wait_for_the_same_time() {
        let waits: Vec<_> = (0..10).map(|_| Backoff::new(&LIMITS).next(None)).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }

    #[test]
    fn a_receiver_that_asks_for_more_time_gets_it() {
        let asked = Duration::from_mins(2);
        let wait = Backoff::new(&LIMITS).next(Some(asked));
        assert!(
            wait >= asked && wait <= asked + Duration::from_secs(1),
            "{wait:?}"
        );
        let wait = Backoff::new(&LIMITS).next(Some(Duration::ZERO));
        assert!(!wait.is_zero(), "else it would be asked without a pause");
    }
}
