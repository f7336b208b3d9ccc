//! Who waits for a half-closed socket: whether the application could notice at all.

/// One entry of the socket's wait queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiter {
    /// A thread is blocked in a receive (or another blocking call) on it.
    Blocked {
        /// The process.
        pid: u32,
        /// The thread.
        thread: u32,
    },
    /// Registered in an epoll instance.
    Epoll(Epoll),
    /// Registered by `select` or `poll`.
    Poll,
    /// Registered by `io_uring`.
    IoUring,
    /// Another kind of waiter.
    Other,
}

/// An epoll registration (`struct epitem`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoll {
    /// The events asked for, with the mode bits.
    pub events: u32,
    /// In the ready list: not fetched, or (level-triggered) still true.
    pub ready: bool,
    /// A thread sleeps in `epoll_wait` on the instance.
    pub sleeping: bool,
}

const EPOLLIN: u32 = 0x0001;
const EPOLLRDNORM: u32 = 0x0040;
const EPOLLRDHUP: u32 = 0x2000;
const EPOLLONESHOT: u32 = 1 << 30;
const EPOLLET: u32 = 1 << 31;
/// What is always reported and so says nothing of what was asked for: `EPOLLERR` and `EPOLLHUP`.
const ALWAYS: u32 = 0x0018;

/// What the waiters come to, as evidence of a finding (kernel.md §3b).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitState {
    /// Nobody is registered: the application cannot notice until it reads by itself.
    Nobody,
    /// A thread is blocked on it.
    Blocked {
        /// The thread.
        thread: u32,
    },
    /// One-shot: the event was delivered, and the application did not ask again.
    EpollOneShotDelivered,
    /// Registered without read events: the application did not ask to be told.
    EpollNotAsked,
    /// Edge-triggered: the event waits to be fetched.
    EpollEdgeNotFetched,
    /// Edge-triggered: the application was told.
    EpollEdgeDelivered,
    /// Level-triggered and ready: told again at every `epoll_wait`, or never called.
    EpollLevelReady,
    /// Registered in epoll, no event in the list: it is being fetched just now.
    EpollIdle,
    /// In `select` or `poll`.
    Poll,
    /// In `io_uring`.
    IoUring,
    /// Somebody else.
    Other,
}

impl WaitState {
    /// Of all waiters of one socket; the one that says most about the application counts.
    pub fn of(waiters: &[Waiter]) -> Self {
        waiters.iter().map(|waiter| Self::one(*waiter)).min_by_key(Self::rank).unwrap_or(Self::Nobody)
    }

    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody_waits",
            Self::Blocked { .. } => "blocked_in_receive",
            Self::EpollOneShotDelivered => "epoll_oneshot_delivered",
            Self::EpollNotAsked => "epoll_read_not_asked",
            Self::EpollEdgeNotFetched => "epoll_edge_not_fetched",
            Self::EpollEdgeDelivered => "epoll_edge_delivered",
            Self::EpollLevelReady => "epoll_level_ready",
            Self::EpollIdle => "epoll_idle",
            Self::Poll => "select_or_poll",
            Self::IoUring => "io_uring",
            Self::Other => "other",
        }
    }

    const fn one(waiter: Waiter) -> Self {
        match waiter {
            Waiter::Blocked { thread, .. } => Self::Blocked { thread },
            Waiter::Poll => Self::Poll,
            Waiter::IoUring => Self::IoUring,
            Waiter::Other => Self::Other,
            Waiter::Epoll(epoll) => Self::epoll(epoll),
        }
    }

    const fn epoll(Epoll { events, ready, .. }: Epoll) -> Self {
        if events & !ALWAYS & !EPOLLET == EPOLLONESHOT {
            // `ep_send_events` takes all events away once a one-shot item is delivered.
            return Self::EpollOneShotDelivered;
        }
        if events & (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP) == 0 {
            return Self::EpollNotAsked;
        }
        match (events & EPOLLET != 0, ready) {
            (true, true) => Self::EpollEdgeNotFetched,
            (true, false) => Self::EpollEdgeDelivered,
            (false, true) => Self::EpollLevelReady,
            (false, false) => Self::EpollIdle,
        }
    }

    /// Lower says more.
    const fn rank(&self) -> u8 {
        match self {
            Self::Blocked { .. } => 0,
            Self::EpollEdgeNotFetched => 1,
            Self::EpollLevelReady => 2,
            Self::EpollEdgeDelivered => 3,
            Self::EpollOneShotDelivered => 4,
            Self::EpollIdle => 5,
            Self::Poll => 6,
            Self::IoUring => 7,
            Self::EpollNotAsked => 8,
            Self::Other => 9,
            Self::Nobody => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn epoll(events: u32, ready: bool) -> Waiter {
        Waiter::Epoll(Epoll { events, ready, sleeping: false })
    }

    #[test]
    fn an_empty_queue_means_that_nobody_can_notice() {
        assert_eq!(WaitState::of(&[]), WaitState::Nobody);
    }

    #[test]
    fn an_edge_that_left_the_ready_list_was_delivered() {
        assert_eq!(WaitState::of(&[epoll(EPOLLET | EPOLLIN, false)]), WaitState::EpollEdgeDelivered);
        assert_eq!(WaitState::of(&[epoll(EPOLLET | EPOLLIN, true)]), WaitState::EpollEdgeNotFetched);
    }

    #[test]
    fn a_spent_one_shot_has_only_its_mode_left() {
        assert_eq!(WaitState::of(&[epoll(EPOLLONESHOT, false)]), WaitState::EpollOneShotDelivered);
        assert_eq!(WaitState::of(&[epoll(EPOLLONESHOT | EPOLLET, true)]), WaitState::EpollOneShotDelivered);
        assert_eq!(WaitState::of(&[epoll(EPOLLONESHOT | EPOLLIN, true)]), WaitState::EpollLevelReady);
    }

    #[test]
    fn interest_in_writing_alone_is_no_interest_in_the_end() {
        assert_eq!(WaitState::of(&[epoll(0x4 | ALWAYS, true)]), WaitState::EpollNotAsked);
    }

    #[test]
    fn a_blocked_thread_says_most() {
        let waiters = [epoll(EPOLLIN, true), Waiter::Blocked { pid: 1, thread: 2 }, Waiter::Poll];
        assert_eq!(WaitState::of(&waiters), WaitState::Blocked { thread: 2 });
    }
}
