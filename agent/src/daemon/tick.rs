//! What is looked at whatever happens, because it makes no sound.

use finback_core::input::Input;
use tokio::time::Instant;

use super::looker::Request;
use super::work::Work;
use crate::kernel::release_freed_memory;

impl Work {
    /// Once a second, whatever happens.
    pub(super) fn tick(&mut self) {
        self.tick_scrapes();
        self.read_losses();
        self.give_surplus_back();
        // Only the stream rests on programs that have seen everything.
        if !self.asked.is_none() {
            let missed = Input::MissedRuns(self.kernel.missed_runs());
            self.engine.apply(&missed, self.kernel.now());
        }
        let watchdog = self.watchdog.as_mut();
        if watchdog.is_some_and(|watchdog| watchdog.is_due(Instant::now())) {
            self.looker.ask(Request::Sign);
        }
        self.write_down_alive();
    }

    /// Before anything is told: what happened after the clock was set has a time of the new clock.
    pub(super) fn follow_clock(&mut self) {
        if self.clock.remeasure() {
            tracing::info!("the wall clock was set");
            self.engine.clock_was_set(self.clock);
        }
    }

    fn give_surplus_back(&mut self) {
        let stats = self.engine.stats();
        let followed = stats.stream.map_or(0, |stream| stream.connections);
        let connections = stats.watched + followed + stats.looks.sockets;
        if self.surplus.has_gone(connections) {
            self.engine.shrink_to_fit();
            release_freed_memory();
        }
    }
}
