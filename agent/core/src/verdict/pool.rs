//! Idle outgoing connections that their servers have closed, counted per process and address: is the set bounded?

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use crate::connection::written_since;
use crate::model::finding::Verdict;
use crate::model::look::SocketView;
use crate::model::socket::{ProcessId, Role};
use crate::model::state::TcpState;
use crate::model::time::Timestamp;
use crate::settings::Settings;

/// So many samples in a row with more connections each are a growing set.
const RISES: u8 = 4;

/// The sets.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    sets: FxHashMap<(ProcessId, SocketAddr), Pool>,
    sampled: Timestamp,
}

/// Connections of one process to one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    /// How many there are.
    pub(crate) size: u32,
    /// At the last sample.
    last: u32,
    /// Samples in a row that had more than the one before.
    rises: u8,
    /// Samples in a row that had not.
    rests: u8,
    /// Whether they became more and more.
    pub(crate) growing: bool,
}

impl Pools {
    /// Counts what a look found that began at `taken`. Samples are a quarter of the verdict's threshold apart.
    pub(crate) fn count(&mut self, views: &[&SocketView], taken: Timestamp, settings: &Settings) {
        for pool in self.sets.values_mut() {
            pool.size = 0;
        }
        for view in views.iter().filter(|view| is_stale(view)) {
            if let Some(pool) = key(view).map(|key| self.sets.entry(key).or_default()) {
                pool.size += 1;
            }
        }
        self.sets.retain(|_, pool| pool.size > 0);
        let spacing = settings.after(Verdict::StalePooled) / 4;
        if taken >= self.sampled + spacing {
            self.sampled = taken;
            self.sets.values_mut().for_each(Pool::sample);
        }
    }

    /// The set of this connection.
    pub(crate) fn of(&self, view: &SocketView) -> Option<Pool> {
        self.sets.get(&key(view)?).copied()
    }
}

impl Pool {
    fn sample(&mut self) {
        if self.size > self.last {
            self.rises = self.rises.saturating_add(1);
            self.rests = 0;
        } else {
            self.rises = 0;
            self.rests = self.rests.saturating_add(1);
        }
        self.growing = match (self.rises, self.rests) {
            (RISES.., _) => true,
            (_, RISES..) => false,
            _ => self.growing,
        };
        self.last = self.size;
    }
}

/// Whether this is an idle outgoing connection that its server has closed.
pub(crate) fn is_stale(view: &SocketView) -> bool {
    let told = view.half.is_some_and(|half| half.eof_at.is_some());
    is_idle(view) && written_since(view) == Some(0) && !told
}

/// Whether it can be one. A pool has read all of an answer and does not look before the next use, so only the FIN
/// waits. A forgotten connection has something unread, or its end was read, or nothing was ever exchanged.
pub(super) fn is_idle(view: &SocketView) -> bool {
    if view.state != TcpState::CloseWait || view.role != Role::Client || view.queued.is_some() {
        return false;
    }
    let Some(counters) = view.counters else {
        return false;
    };
    let exchanged = counters.bytes_sent > 0 && counters.bytes_received > 1;
    let idle = counters.unread == 1 && counters.unacked == 0;
    exchanged && idle && !counters.upper_layer
}

fn key(view: &SocketView) -> Option<(ProcessId, SocketAddr)> {
    let first = view.holders.iter().map(|holder| holder.process.id).min()?;
    Some((first, view.endpoints.peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(sizes: &[u32]) -> Pool {
        let mut pool = Pool::default();
        for &size in sizes {
            pool.size = size;
            pool.sample();
        }
        pool
    }

    #[test]
    fn a_set_grows_once_four_samples_in_a_row_had_more() {
        assert!(!after(&[1, 2, 3]).growing);
        assert!(after(&[1, 2, 3, 4]).growing);
        assert!(!after(&[5, 5, 5, 5, 5]).growing);
        assert!(!after(&[1, 2, 3, 3, 4, 5, 5, 6]).growing);
    }

    #[test]
    fn a_set_that_rests_is_bounded_again() {
        assert!(after(&[1, 2, 3, 4, 4, 4, 4]).growing);
        assert!(!after(&[1, 2, 3, 4, 4, 4, 4, 4]).growing);
    }
}
