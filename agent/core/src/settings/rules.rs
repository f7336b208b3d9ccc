//! The settings with what follows from them, computed once.

use std::time::Duration;

use super::Settings;
use crate::model::finding::Verdict;
use crate::model::time::Timestamp;

/// A threshold of nothing does not mean to look all the time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Nothing is done more often for the sake of one threshold.
const SHORTEST_SLACK: Duration = Duration::from_millis(10);

/// What the engines go by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    slack: Duration,
    first_look: Duration,
    scan_pause: Option<Duration>,
    pressure: Duration,
}

impl Rules {
    pub(crate) fn new(settings: Settings) -> Self {
        let smallest = smallest(&settings, |verdict| !verdict.is_found_by_scanning())
            .unwrap_or(Duration::from_secs(10));
        let regular = smallest_scanned(&settings);
        Self {
            slack: (smallest / 10).clamp(SHORTEST_SLACK, Duration::from_secs(1)),
            first_look: settings.first_look.min(smallest / 2),
            scan_pause: regular,
            pressure: settings.shortest(Verdict::TimeWaitPressure),
            settings,
        }
    }

    /// Looks that fall due within this time of each other share one pass over the kernel.
    pub(crate) const fn slack(&self) -> Duration {
        self.slack
    }

    /// When a connection that became half-closed at `since` is looked at first.
    pub(crate) fn first_look_at(&self, since: Timestamp) -> Timestamp {
        since + self.first_look
    }

    /// Between two readings of the table of what is half-closed: a connection is known before it is looked at first.
    pub(crate) fn scan_table_every(&self) -> Duration {
        (self.first_look / 2).max(SHORTEST_SLACK)
    }

    /// Between two looks at everything, short enough for every threshold; `None` if there are none.
    pub(crate) const fn scan_pause(&self) -> Option<Duration> {
        self.scan_pause
    }

    /// The shortest threshold of `time_wait_pressure`.
    pub(crate) const fn pressure(&self) -> Duration {
        self.pressure
    }
}

fn smallest(settings: &Settings, counts: impl Fn(Verdict) -> bool) -> Option<Duration> {
    let silent = Verdict::ALL
        .iter()
        .filter(|verdict| verdict.is_measured_in_silence() && counts(**verdict));
    silent.map(|&verdict| settings.shortest(verdict)).min()
}

fn smallest_scanned(settings: &Settings) -> Option<Duration> {
    let smallest = smallest(settings, Verdict::is_found_by_scanning)? / 2;
    let pause = settings.scan_interval.min(smallest).max(SHORTEST_PAUSE);
    (!settings.scan_interval.is_zero()).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::verdict::{Level, VerdictSettings};

    #[test]
    fn the_first_look_is_never_later_than_half_of_the_smallest_threshold() {
        let mut settings = Settings::default();
        let since = Timestamp::from_nanos(1);
        let first_look = |settings: &Settings| Rules::new(settings.clone()).first_look_at(since);
        assert_eq!(first_look(&settings), since + Duration::from_secs(2));
        let own = VerdictSettings {
            after: Duration::from_millis(500),
            level: Level::Auto,
        };
        settings.verdicts.insert(Verdict::EofUnread, own);
        assert_eq!(first_look(&settings), since + Duration::from_millis(250));
        assert_eq!(Rules::new(settings).slack(), Duration::from_millis(50));
    }
}
