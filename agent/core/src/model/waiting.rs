//! Who waits for a socket: whether the application could notice at all.

/// One entry of the socket's wait queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiter {
    /// A thread is blocked in a system call on it.
    Blocked {
        /// The process.
        pid: u32,
        /// The thread.
        thread: u32,
        /// The system call.
        call: Call,
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

/// What a blocked thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// It receives.
    Receive,
    /// It sends.
    Send,
    /// Something else, or it cannot be told.
    #[default]
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

/// What the waiters come to, as evidence of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Waiting {
    /// In which way somebody waits.
    pub state: WaitState,
    /// The thread that is blocked.
    pub thread: Option<u32>,
    /// A thread sleeps in `epoll_wait` on an instance that the socket is registered in: its loop is not stuck.
    pub attended: bool,
}

/// In which way somebody waits for a socket. Those come first that say most about the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum WaitState {
    /// A thread is blocked in a receive.
    BlockedInReceive,
    /// A thread is blocked in a send.
    BlockedInSend,
    /// A thread is blocked in another call, or in one that cannot be told.
    Blocked,
    /// Edge-triggered: the event waits to be fetched.
    EpollEdgeNotFetched,
    /// Level-triggered and ready: told again at every `epoll_wait`, or never called.
    EpollLevelReady,
    /// Edge-triggered: the application was told.
    EpollEdgeDelivered,
    /// One-shot: the event was delivered, and the application did not ask again.
    EpollOneshotDelivered,
    /// Registered in epoll, no event in the list: there is none, or it is being fetched just now.
    EpollIdle,
    /// In `select` or `poll`, and what has come so far is not what it asked for.
    SelectOrPoll,
    /// A request of `io_uring` waits.
    IoUring,
    /// Registered without read events: the application did not ask to be told.
    EpollReadNotAsked,
    /// Somebody else.
    Other,
    /// Nobody is registered: the application cannot notice until it reads by itself.
    NobodyWaits,
}

impl Waiting {
    /// Of all waiters of one socket; the one that says most about the application counts. `to_tell`: there is
    /// something to read, or an end to be told.
    pub fn of(waiters: &[Waiter], to_tell: bool) -> Self {
        let state = |waiter: &Waiter| WaitState::of(*waiter, to_tell);
        let most = waiters.iter().min_by_key(|waiter| state(waiter));
        Self {
            state: most.map_or(WaitState::NobodyWaits, state),
            thread: match most {
                Some(Waiter::Blocked { thread, .. }) => Some(*thread),
                _ => None,
            },
            attended: waiters.iter().any(Waiter::is_attended),
        }
    }
}

impl Waiter {
    const fn is_attended(&self) -> bool {
        matches!(self, Self::Epoll(epoll) if epoll.sleeping)
    }
}

impl WaitState {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NobodyWaits => "nobody_waits",
            Self::BlockedInReceive => "blocked_in_receive",
            Self::BlockedInSend => "blocked_in_send",
            Self::Blocked => "blocked",
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

    const fn of(waiter: Waiter, to_tell: bool) -> Self {
        match waiter {
            Waiter::Blocked { call, .. } => match call {
                Call::Receive => Self::BlockedInReceive,
                Call::Send => Self::BlockedInSend,
                Call::Other => Self::Blocked,
            },
            Waiter::Poll => Self::SelectOrPoll,
            Waiter::IoUring => Self::IoUring,
            Waiter::Other => Self::Other,
            Waiter::Epoll(epoll) => Self::epoll(epoll, to_tell),
        }
    }

    const fn epoll(Epoll { events, ready, .. }: Epoll, to_tell: bool) -> Self {
        if events & !ALWAYS & !EPOLLET == EPOLLONESHOT {
            // `ep_send_events` takes all events away once a one-shot item is delivered.
            return Self::EpollOneshotDelivered;
        }
        if events & (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP) == 0 {
            return Self::EpollReadNotAsked;
        }
        match (events & EPOLLET != 0, ready) {
            (true, true) => Self::EpollEdgeNotFetched,
            (true, false) if to_tell => Self::EpollEdgeDelivered,
            (false, true) => Self::EpollLevelReady,
            (_, false) => Self::EpollIdle,
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
        assert_eq!(Waiting::of(&[], true).state, WaitState::NobodyWaits);
    }

    #[test]
    fn an_edge_that_left_the_ready_list_was_delivered() {
        assert_eq!(
            Waiting::of(&[epoll(EPOLLET | EPOLLIN, false)], true).state,
            WaitState::EpollEdgeDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLET | EPOLLIN, true)], true).state,
            WaitState::EpollEdgeNotFetched
        );
    }

    #[test]
    fn where_nothing_has_come_no_edge_was_delivered() {
        let state = Waiting::of(&[epoll(EPOLLET | EPOLLIN, false)], false).state;
        assert_eq!(state, WaitState::EpollIdle);
    }

    #[test]
    fn a_spent_one_shot_has_only_its_mode_left() {
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT, false)], true).state,
            WaitState::EpollOneshotDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT | EPOLLET, true)], true).state,
            WaitState::EpollOneshotDelivered
        );
        assert_eq!(
            Waiting::of(&[epoll(EPOLLONESHOT | EPOLLIN, true)], true).state,
            WaitState::EpollLevelReady
        );
    }

    #[test]
    fn interest_in_writing_alone_is_no_interest_in_the_end() {
        assert_eq!(
            Waiting::of(&[epoll(0x4 | ALWAYS, true)], true).state,
            WaitState::EpollReadNotAsked
        );
    }

    #[test]
    fn a_blocked_thread_says_most() {
        let waiters = [
            epoll(EPOLLIN, true),
            Waiter::Blocked {
                pid: 1,
                thread: 2,
                call: Call::Receive,
            },
            Waiter::Poll,
        ];
        assert_eq!(
            Waiting::of(&waiters, true),
            Waiting {
                state: WaitState::BlockedInReceive,
                thread: Some(2),
                attended: false,
            }
        );
    }

    #[test]
    fn a_loop_in_which_a_thread_sleeps_is_attended() {
        let asleep = Waiter::Epoll(Epoll {
            events: EPOLLIN,
            ready: true,
            sleeping: true,
        });
        assert!(Waiting::of(&[Waiter::Poll, asleep], true).attended);
        assert!(!Waiting::of(&[epoll(EPOLLIN, true)], true).attended);
    }
}
