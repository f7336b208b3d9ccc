//! Whether an accept queue moves.
//!
//! What is accepted is always the oldest connection, the head: as long as that is the same nothing was accepted. Where a
//! look cannot tell the head, none of those may have gone that were there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::halt;
use super::level::QueueState;
use crate::model::incident::QueueUse;
use crate::model::time::Timestamp;
use crate::settings::incident::IncidentSettings;

/// An accept queue as a look found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueView {
    /// Connections in it.
    pub(super) waiting: u32,
    /// How many it may hold.
    pub(super) limit: u32,
    /// Names the connection that is accepted next, if a look tells.
    pub(super) head: Option<u64>,
    /// Sockets of those in it whose peer has left, sorted.
    pub(super) members: Vec<u64>,
    /// Nobody who holds the listener can run.
    pub(super) halted: bool,
}

/// The accept queues of an incident's processes, by listener.
#[derive(Debug, Default)]
pub(super) struct Queues {
    known: BTreeMap<u64, Queue>,
}

#[derive(Debug)]
struct Queue {
    view: QueueView,
    /// Nothing was accepted since then, if anything waits.
    stuck: Option<Timestamp>,
    /// Nearly full at every look since then.
    crowded: Option<Timestamp>,
    /// Full at every look since then.
    full: Option<Timestamp>,
    /// Nobody can accept since then.
    halted: Option<Timestamp>,
}

impl Queues {
    /// Takes a look; `now` is watched time.
    pub(super) fn look(
        &mut self,
        found: &BTreeMap<u64, QueueView>,
        settings: &IncidentSettings,
        now: Timestamp,
    ) {
        self.known
            .retain(|listener, _| found.contains_key(listener));
        for (listener, view) in found {
            let queue = self.known.entry(*listener).or_insert_with(|| Queue {
                view: QueueView::default(),
                stuck: None,
                crowded: None,
                full: None,
                halted: None,
            });
            queue.look(view, settings, now);
        }
    }

    /// The worst of each.
    pub(super) fn state(&self, patience: Duration, now: Timestamp) -> QueueState {
        let longest = |since: fn(&Queue) -> Option<Timestamp>| {
            let all = self.known.values();
            let all = all.filter_map(|queue| Some(queue.counted(since(queue)?, patience, now)));
            all.max().unwrap_or_default()
        };
        QueueState {
            stuck: longest(|queue| queue.stuck),
            crowded: longest(|queue| queue.crowded),
            blocked: longest(|queue| Some(queue.full?.max(queue.stuck?))),
        }
    }

    /// The fullest, if anything waits.
    pub(super) fn usage(&self, now: Timestamp) -> Option<QueueUse> {
        let waiting = self.known.values().filter(|queue| queue.view.waiting > 0);
        let queue = waiting.max_by_key(|queue| queue.view.waiting)?;
        Some(QueueUse {
            waiting: queue.view.waiting,
            limit: queue.view.limit,
            stuck: queue.stuck.map_or(Duration::ZERO, |since| now.since(since)),
        })
    }
}

impl Queue {
    /// How long that is, less the time in which nobody could accept.
    fn counted(&self, since: Timestamp, patience: Duration, now: Timestamp) -> Duration {
        let halted = self.halted.map(|halted| halted.max(since));
        let lost = halted.map(|halted| halt::discount(halted, patience, now));
        now.since(since).saturating_sub(lost.unwrap_or_default())
    }

    /// Whether anybody can accept has changed, or not.
    fn turn(&mut self, halted: bool, patience: Duration, now: Timestamp) {
        match (halted, self.halted) {
            (false, Some(since)) => {
                let lost = halt::discount_after(since, patience, now);
                for since in [&mut self.stuck, &mut self.crowded, &mut self.full] {
                    *since = since.map(|since| since + lost);
                }
                self.halted = None;
            }
            (true, None) => self.halted = Some(now),
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Whether one was accepted since the look before.
    fn has_moved(&self, view: &QueueView) -> bool {
        if let (Some(before), Some(head)) = (self.view.head, view.head) {
            return before != head;
        }
        let stays = |sock: &u64| view.members.binary_search(sock).is_ok();
        !self.view.members.iter().all(stays)
    }

    fn look(&mut self, view: &QueueView, settings: &IncidentSettings, now: Timestamp) {
        self.turn(view.halted, settings.halted_after, now);
        let moved = self.has_moved(view);
        let waits = view.head.is_some() || !view.members.is_empty();
        let since = |before: Option<Timestamp>, holds: bool| holds.then(|| before.unwrap_or(now));
        let stuck = self.stuck.filter(|_| !moved);
        self.stuck = since(stuck, waits);
        let long = view.limit >= settings.queue_min_length;
        let filled = u64::from(view.waiting) * 100;
        let part = u64::from(view.limit) * u64::from(settings.queue_percent);
        self.crowded = since(self.crowded, long && filled >= part);
        self.full = since(self.full, view.limit > 0 && view.waiting >= view.limit);
        self.view.clone_from(view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos((10_000 + seconds) * 1_000_000_000)
    }

    /// Looks at one queue, ten seconds apart: the sockets in it.
    fn state(limit: u32, looks: &[&[u64]]) -> (u64, u64, u64) {
        let mut queues = Queues::default();
        let mut state = QueueState::default();
        for (members, n) in looks.iter().zip(0..) {
            let view = QueueView {
                waiting: u32::try_from(members.len()).unwrap(),
                limit,
                members: members.to_vec(),
                ..QueueView::default()
            };
            queues.look(
                &[(1, view)].into(),
                &IncidentSettings::default(),
                at(n * 10),
            );
            state = queues.state(Duration::from_mins(5), at(n * 10));
        }
        let [stuck, crowded, blocked] =
            [state.stuck, state.crowded, state.blocked].map(|time| time.as_secs());
        (stuck, crowded, blocked)
    }

    #[test]
    fn a_queue_is_stuck_while_none_leaves_it() {
        assert_eq!(state(100, &[&[1], &[1, 2], &[1, 2, 3]]), (20, 0, 0));
        // One is accepted each time, the others wait on.
        assert_eq!(state(100, &[&[1, 2, 3], &[2, 3, 4], &[3, 4, 5]]), (0, 0, 0));
        assert_eq!(state(100, &[&[1], &[], &[2]]), (0, 0, 0));
    }

    #[test]
    fn a_queue_that_is_full_is_blocked_only_if_it_does_not_move() {
        let stuck: &[u64] = &[1, 2, 3, 4, 5, 6, 7, 8];
        let moves: &[u64] = &[2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(state(8, &[stuck, stuck, stuck]), (20, 20, 20));
        assert_eq!(state(8, &[stuck, moves]), (0, 10, 0));
        assert_eq!(state(9, &[stuck, stuck]), (10, 10, 0));
        assert_eq!(
            state(7, &[stuck, stuck]),
            (10, 0, 10),
            "too short to be crowded"
        );
    }

    #[test]
    fn the_head_tells_that_a_queue_moves_though_who_has_left_waits_on() {
        let settings = IncidentSettings::default();
        let mut queues = Queues::default();
        for n in 0..20 {
            let view = QueueView {
                waiting: 50,
                limit: 100,
                head: Some(n),
                members: vec![7],
                halted: false,
            };
            queues.look(&[(1, view)].into(), &settings, at(n * 10));
        }
        let state = queues.state(settings.halted_after, at(200));
        assert_eq!(state.stuck, Duration::from_secs(10));
    }

    #[test]
    fn a_stopped_server_has_five_minutes_and_a_grace() {
        let settings = IncidentSettings::default();
        let mut queues = Queues::default();
        let mut stuck = |second: u64, halted| {
            let view = QueueView {
                waiting: 8,
                limit: 8,
                head: Some(1),
                members: vec![7],
                halted,
            };
            queues.look(&[(1, view)].into(), &settings, at(second));
            let state = queues.state(settings.halted_after, at(second));
            assert_eq!(state.stuck, state.blocked);
            state.stuck.as_secs()
        };
        assert_eq!(stuck(0, true), 0);
        assert_eq!(stuck(290, true), 0);
        assert_eq!(stuck(330, true), 30);
        assert_eq!(stuck(340, false), 30, "less the grace");
        assert_eq!(stuck(350, false), 40);
    }
}
