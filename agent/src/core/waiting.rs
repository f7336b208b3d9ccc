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
pub struct Waiting {
    /// In which way somebody waits.
    pub state: WaitState,
    /// The thread that is blocked.
    pub thread: Option<u32>,
}

/// In which way somebody waits for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitState {
    /// Nobody is registered: the application cannot notice until it reads by itself.
    NobodyWaits,
    /// A thread is blocked on it.
    BlockedInReceive,
    /// One-shot: the event was delivered, and the application did not ask again.
    EpollOneshotDelivered,
    /// Registered without read events: the application did not ask to be told.
    EpollReadNotAsked,
    /// Edge-triggered: the event waits to be fetched.
    EpollEdgeNotFetched,
    /// Edge-triggered: the application was told.
    EpollEdgeDelivered,
    /// Level-triggered and ready: told again at every `epoll_wait`, or never called.
    EpollLevelReady,
    /// Registered in epoll, no event in the list: it is being fetched just now.
    EpollIdle,
    /// In `select` or `poll`.
    SelectOrPoll,
    /// In `io_uring`.
    IoUring,
    /// Somebody else.
    Other,
}

impl Waiting {
    /// Of all waiters of one socket; the one that says most about the application counts.
    pub fn of(waiters: &[Waiter]) -> Self {
        let most = waiters
            .iter()
            .min_by_key(|waiter| WaitState::of(**waiter).rank());
        Self {
            state: most.map_or(WaitState::NobodyWaits, |waiter| WaitState::of(*waiter)),
            thread: match most {
                Some(Waiter::Blocked { thread, .. }) => Some(*thread),
                _ => None,
            },
        }
    }
}

impl WaitState {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NobodyWaits => "nobody_waits",
            Self::BlockedInReceive => "blocked_in_receive",
            Self::EpollOneshotDelivered => "epoll_oneshot_delivered",
            Self::EpollReadNotAsked => "epoll_read_not_asked",
            Self::EpollEdgeNotFetched => "epoll_edge_not_fetched",
            Self::EpollEdgeDelivered => "epoll_edge_delivered",
            Self::EpollLevelReady => "epoll_level_ready",
            Self::EpollIdle => "epoll_idle",
            Self::SelectOrPoll => "select_or_poll",
            Self::IoUring => "io_uring",
            Self::Other => "other",
        }
    }

    const fn of(waiter: Waiter) -> Self {
        match waiter {
            Waiter::Blocked { .. } => Self::BlockedInReceive,
            Waiter::Poll => Self::SelectOrPoll,
            Waiter::IoUring => Self::IoUring,
            Waiter::Other => Self::Other,
            Waiter::Epoll(epoll) => Self::epoll(epoll),
        }
    }

    const fn epoll(Epoll { events, ready, .. }: Epoll) -> Self {
        if events & !ALWAYS & !EPOLLET == EPOLLONESHOT {
            // `ep_send_events` takes all events away once a one-shot item is delivered.
            return Self::EpollOneshotDelivered;
        }
        if events & (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP) == 0 {
            return Self::EpollReadNotAsked;
        }
        match (events & EPOLLET != 0, ready) {
            (true, true) => Self::EpollEdgeNotFetched,
            (true, false) => Self::EpollEdgeDelivered,
            (false, true) => Self::EpollLevelReady,
            (false, false) => Self::EpollIdle,
        }
    }

    /// Lower says more.
    const fn rank(self) -> u8 {
        match self {
            Self::BlockedInReceive => 0,
            Self::EpollEdgeNotFetched => 1,
            Self::EpollLevelReady => 2,
            Self::EpollEdgeDelivered => 3,
            Self::EpollOneshotDelivered => 4,
            Self::EpollIdle => 5,
            Self::SelectOrPoll => 6,
            Self::IoUring => 7,
            Self::EpollReadNotAsked => 8,
            Self::Other => 9,
            Self::NobodyWaits => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn epoll(events: u32, ready: bool) -> Waiter {
        Waiter::Epoll(Epoll {
            events,
            ready,
            sleeping: false,
        })
    }

    #[test]
    fn an_empty_queue_means_that_nobody_can_notice() {
        assert_eq!(Waiting::of(&[]).state, WaitState::NobodyWaits);
    }

    #[test]
    fn an_edge_that_left_the_ready_list_was_delivered() {
        assert_eq!(
            Waiting::of(&[epoll(EPOLLET | EPOLLIN, false)]).state,
            WaitState::EpollEdgeDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLET | EPOLLIN, true)]).state,
            WaitState::EpollEdgeNotFetched
        );
    }

    #[test]
    fn a_spent_one_shot_has_only_its_mode_left() {
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT, false)]).state,
            WaitState::EpollOneshotDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT | EPOLLET, true)]).state,
            WaitState::EpollOneshotDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT | EPOLLIN, true)]).state,
            WaitState::EpollLevelReady
        );
    }

    #[test]
    fn interest_in_writing_alone_is_no_interest_in_the_end() {
        assert_eq!(
            Waiting::of(&[epoll(0x4 | ALWAYS, true)]).state,
            WaitState::EpollReadNotAsked
        );
    }

    #[test]
    fn a_blocked_thread_says_most() {
        let waiters = [
            epoll(EPOLLIN, true),
            Waiter::Blocked { pid: 1, thread: 2 },
            Waiter::Poll,
        ];
        assert_eq!(
            Waiting::of(&waiters),
            Waiting {
                state: WaitState::BlockedInReceive,
                thread: Some(2)
            }
        );
    }
}
