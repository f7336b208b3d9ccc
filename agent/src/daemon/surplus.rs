//! When a surge has left memory behind that is worth giving back.

/// Things in memory that are worth it.
const MANY: u64 = 500;
/// What was made of them goes later: what is still to be told of them within so many seconds, incidents and names within
/// the others.
const LATER: [u32; 2] = [5, 75];

/// How much there was.
#[derive(Debug, Default)]
pub(super) struct Surplus {
    most: u64,
    /// Seconds since a surge has gone.
    since: Option<u32>,
}

impl Surplus {
    /// There is so much now, a second later; whether there was so much more that its memory is worth giving back.
    pub(super) fn has_gone(&mut self, now: u64) -> bool {
        self.most = self.most.max(now);
        if self.most >= MANY && now <= self.most / 2 {
            self.most = now;
            self.since = Some(0);
            return true;
        }
        let since = self.since.map(|seconds| seconds + 1);
        let [_, last] = LATER;
        self.since = since.filter(|seconds| *seconds < last);
        since.is_some_and(|seconds| LATER.contains(&seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surge_that_has_gone_is_told_once() {
        let mut surplus = Surplus::default();
        let told: Vec<_> = [0, 900, 10_000, 6_000, 4_000, 3_000, 100, 100, 0]
            .map(|now| surplus.has_gone(now))
            .into();
        let wanted = [false, false, false, false, true, false, true, false, false];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_goes_later_is_given_back_later() {
        let mut surplus = Surplus::default();
        surplus.has_gone(1_000);
        let given: Vec<u32> = (0..300).filter(|_| surplus.has_gone(0)).collect();
        assert_eq!(given, [0, 5, 75]);
    }

    #[test]
    fn little_is_never_worth_it() {
        let mut surplus = Surplus::default();
        assert!(
            ![400, 0, 499, 3]
                .into_iter()
                .any(|now| surplus.has_gone(now))
        );
    }
}
