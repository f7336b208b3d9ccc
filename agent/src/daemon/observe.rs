//! The daemon's work for a command that watches for itself: no server, no socket, no lock, so that it does not disturb a
//! daemon that runs already.

use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use super::error::failed;
use super::work::Work;
use super::{Error, TICK, begin, load, settings};
use crate::config::Config;
use crate::kernel;
use crate::output::feed::{Feed, Format, Subscription};
use crate::output::select::Selection;

/// Why lines are missing if the caller does not read.
const SLOW: &str = "observer_slow";

/// Looks on for as long as it is turned.
pub struct Observer {
    work: Box<Work>,
    lines: Subscription,
    tick: Interval,
}

impl Observer {
    /// Loads the kernel side and looks at what is there. From now on everything that is selected is told.
    pub async fn begin(config: &Config, select: Selection) -> Result<Self, Error> {
        kernel::prerequisites()?;
        let kernel = load(&settings::kernel_options(config, 0))?;
        let feed = Feed::new(settings::hello(kernel.report()));
        let handle = feed.handle();
        let now = kernel.now();
        let mut work = Work::new(kernel, feed, config, None, now)?;
        Box::pin(begin(&mut work, select)).await?;
        let lines = handle.subscribe(Format::Json, select, SLOW);
        let lines = lines.ok_or_else(|| failed("subscribe")(std::io::ErrorKind::Other.into()))?;
        work.expect(Selection::NONE);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { work, lines, tick })
    }

    /// Waits for the next thing and does it. Loses nothing when dropped while waiting.
    pub async fn turn(&mut self) -> Result<(), Error> {
        let due = self.work.due();
        tokio::select! {
            _ = self.tick.tick() => self.work.tick(),
            () = sleep_until(due) => self.work.timeout(),
            taken = self.work.next() => taken.map_err(failed("read the ring buffer"))?,
        }
        self.work.carry_out();
        Ok(())
    }

    /// What has been told since the last time: NDJSON, whole lines. To be called after every turn.
    pub fn told(&mut self) -> Vec<u8> {
        drain(&mut self.lines)
    }

    /// Reads what the kernel has told up to now and detaches its programs. Gives back the last lines.
    pub fn finish(self) -> Vec<u8> {
        let Self {
            work, mut lines, ..
        } = self;
        let kernel = work.finish(false);
        let told = drain(&mut lines);
        drop(kernel);
        told
    }
}

fn drain(lines: &mut Subscription) -> Vec<u8> {
    let mut told = Vec::new();
    while let Some(chunk) = lines.try_next() {
        told.extend_from_slice(&chunk);
    }
    told
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
