//! Reads the ring when there is something to read, and costs nothing when there is not.
//!
//! The programs wake the agent seldom (`ebpf/src/ring.rs`): a record that comes sooner after the last wake-up than
//! its urgency allows is left in the ring. So after each record the ring is looked at every few milliseconds, and
//! only when it was found empty, longer after the last record than any may be left there, does the agent sleep on
//! the descriptor.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Map, MapData, MapError, RingBuf};
use finback_common::map;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::kernel::error::KernelError;
use crate::kernel::sys::{duplicate, watch};

/// Below the 5 ms that an urgent record may wait.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// Above the 50 ms that any record may wait.
const QUIET: Duration = Duration::from_millis(100);
/// So long after the last record the ring's memory is given back: both its mappings count as this process's, and where
/// nobody subscribes hours may pass between two records. To map it again takes a fraction of a millisecond.
const REST: Duration = Duration::from_secs(10);
/// Between two attempts to map it where memory is short.
const AGAIN: Duration = Duration::from_secs(1);
/// Records taken at once; the caller must get a chance to write and to hear signals, also in a build without
/// optimisation, which handles some ten records in a millisecond.
const BATCH: usize = 1024;

/// The consumer's side of `RECORDS`.
pub(in crate::kernel) struct Ring {
    map: OwnedFd,
    /// Its memory, while there is something to read or there was a while ago.
    buffer: Option<RingBuf<MapData>>,
    /// Registered with the runtime at the first wait.
    ready: Option<AsyncFd<OwnedFd>>,
    /// When to look again; kept here because the waiting future may be dropped.
    look: Instant,
    last: Instant,
    /// The last look found nothing, and that long after the last record that no other is left unannounced.
    quiet: bool,
}

impl Ring {
    pub(in crate::kernel) fn take(object: &mut Ebpf) -> Result<Self, KernelError> {
        let name = map::RECORDS;
        let map = object.take_map(name).ok_or(KernelError::Object(name))?;
        let buffer = RingBuf::try_from(map).map_err(|error| KernelError::map(name, error))?;
        let now = Instant::now();
        Ok(Self {
            map: duplicate(&buffer).map_err(|source| KernelError::Io {
                what: "keep the ring buffer",
                source,
            })?,
            buffer: Some(buffer),
            ready: None,
            look: now,
            last: now,
            quiet: false,
        })
    }

    /// Waits until it is worth looking. Can be dropped at any point without losing anything.
    pub(in crate::kernel) async fn wait(&mut self) -> io::Result<()> {
        if !self.quiet {
            sleep_until(self.look).await;
            return Ok(());
        }
        let ready = match &mut self.ready {
            Some(ready) => ready,
            empty => empty.insert(watch(duplicate(&self.map)?)?),
        };
        let rest = self.last + REST;
        if self.buffer.is_some() && timeout_at(rest, ready.readable()).await.is_err() {
            self.buffer = None;
        }
        // Cleared before the ring is read: a wake-up that comes in between is seen at the next wait.
        ready.readable().await?.clear_ready();
        Ok(())
    }

    /// The ring's memory; mapped again if it was given back and there is something to read.
    fn buffer(&mut self) -> Result<Option<&mut RingBuf<MapData>>, MapError> {
        if self.buffer.is_none() {
            if !has_records(&self.map) {
                return Ok(None);
            }
            let map = MapData::from_fd(self.map.try_clone()?)?;
            self.buffer = Some(RingBuf::try_from(Map::RingBuf(map))?);
        }
        Ok(self.buffer.as_mut())
    }

    /// Hands every record that is there to `take`, at most a batch of them. Tells whether there may be more.
    pub(in crate::kernel) fn drain(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        let mut count = 0;
        match self.buffer() {
            Ok(Some(buffer)) => {
                while count < BATCH
                    && let Some(record) = buffer.next()
                {
                    take(&record);
                    count += 1;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the ring cannot be mapped; trying again");
                self.quiet = false;
                self.look = Instant::now() + AGAIN;
                return false;
            }
        }
        let now = Instant::now();
        if count > 0 {
            self.last = now;
        }
        // Judged here and not at the next wait: handling a batch may take longer than `QUIET`.
        self.quiet = count == 0 && now.duration_since(self.last) >= QUIET;
        let more = count == BATCH;
        self.look = if more { now } else { now + LOOK_AGAIN };
        more
    }
}

/// Whether something waits in the ring, asked of the kernel.
fn has_records(map: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(map, PollFlags::IN)];
    let none = Timespec::default();
    // What cannot be asked is looked at.
    poll(&mut asked, Some(&none)).map_or(true, |ready| ready > 0)
}
