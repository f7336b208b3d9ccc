//! The service manager.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::Instant;

/// Tells the service manager, if there is one.
pub(super) fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// All is as it is to be.
pub(super) const WATCHING: &str = "Watching";

/// The daemon is at work, and how.
pub(super) fn ready(status: &str) {
    // A line feed would begin another message.
    let status = status.replace('\n', " ");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// What `WatchdogSec=` of the unit asks for.
///
/// A timer would go on while nothing else does. So what is told was seen just now: the daemon's loop asks the thread that
/// looks, and hears the answer in its next turns. Where either of them stands still, nothing is told.
#[derive(Debug)]
pub(super) struct Watchdog {
    every: Duration,
    due: Instant,
}

impl Watchdog {
    /// If the service manager watches this process.
    pub(super) fn of_service(now: Instant) -> Option<Self> {
        let patience = sd_notify::watchdog_enabled()?;
        Some(Self::new(patience, now))
    }

    /// Asks four times while the service manager waits once.
    fn new(patience: Duration, now: Instant) -> Self {
        Self {
            every: patience / 4,
            due: now,
        }
    }

    /// Whether a sign of life is to be asked for now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.due;
        if due {
            self.due = now + self.every;
        }
        due
    }
}

/// The thread that looks has answered.
pub(super) fn alive() {
    notify(&[NotifyState::Watchdog]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_asked_for_at_once_and_four_times_in_its_time() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(Duration::from_secs(40), start);
        let due = (0..40).filter(|second| watchdog.is_due(start + Duration::from_secs(*second)));
        assert_eq!(due.collect::<Vec<_>>(), [0, 10, 20, 30]);
    }
}
