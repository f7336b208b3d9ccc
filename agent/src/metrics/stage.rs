//! Stages of a connection's life, as few as a picture of them can show.

use std::time::Duration;

use finback_core::model::look::{Jiffies, SocketCounters, SocketView};
use finback_core::model::state::TcpState;

/// No data either way for so long.
const IDLE: Duration = Duration::from_mins(1);

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Both ends may send, and one has lately.
    Established,
    /// Both may, neither has for a minute.
    Idle,
    /// The peer has hung up, and nothing says that anybody here has noticed.
    HalfClosedUnnoticed,
    /// The peer has hung up and is still being served.
    HalfClosedDraining,
    /// We have hung up.
    Closing,
    /// It is over, and a descriptor still refers to it.
    ClosedButHeld,
    /// It is over, and its addresses wait for old segments to die out.
    TimeWait,
}

impl Stage {
    /// Every stage, in the order of a life.
    pub(super) const ALL: [Self; 7] = [
        Self::Established,
        Self::Idle,
        Self::HalfClosedUnnoticed,
        Self::HalfClosedDraining,
        Self::Closing,
        Self::ClosedButHeld,
        Self::TimeWait,
    ];

    /// Value of a label.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Idle => "idle",
            Self::HalfClosedUnnoticed => "half_closed_unnoticed",
            Self::HalfClosedDraining => "half_closed_draining",
            Self::Closing => "closing",
            Self::ClosedButHeld => "closed_but_held",
            Self::TimeWait => "time_wait",
        }
    }

    /// Of a socket to which a descriptor or an accept queue leads; `None` for one that is no connection, or not yet.
    /// `accused`: there is a finding about it.
    pub(super) fn of(view: &SocketView, accused: bool, jiffies: Option<Jiffies>) -> Option<Self> {
        match view.state {
            TcpState::Established if is_idle(view, jiffies) => Some(Self::Idle),
            TcpState::CloseWait if accused || !is_served(view) => Some(Self::HalfClosedUnnoticed),
            TcpState::CloseWait => Some(Self::HalfClosedDraining),
            TcpState::Closed => {
                let is_over = view.counters.is_some_and(|counters| counters.is_shut());
                (is_over && !view.holders.is_empty()).then_some(Self::ClosedButHeld)
            }
            state @ (TcpState::Listen
            | TcpState::SynSent
            | TcpState::SynReceived
            | TcpState::Established
            | TcpState::LastAck
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::TimeWait) => Self::of_state(state),
        }
    }

    /// Of one of which only the state is known.
    pub(super) const fn of_state(state: TcpState) -> Option<Self> {
        match state {
            TcpState::Established => Some(Self::Established),
            TcpState::CloseWait => Some(Self::HalfClosedUnnoticed),
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck => {
                Some(Self::Closing)
            }
            TcpState::TimeWait => Some(Self::TimeWait),
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynReceived => None,
        }
    }
}

fn is_idle(view: &SocketView, jiffies: Option<Jiffies>) -> bool {
    let last = |counters: SocketCounters, jiffies: Jiffies| {
        let data = [counters.last_sent, counters.last_received];
        data.map(|stamp| jiffies.moment(stamp)).into_iter().max()
    };
    // Without a guard this way of looking tells no stamps either.
    let counters = view.counters.filter(|counters| counters.guard.is_some());
    counters.zip(jiffies).is_some_and(|(counters, jiffies)| {
        last(counters, jiffies).is_some_and(|last| jiffies.at.since(last) >= IDLE)
    })
}

/// Something was acknowledged since the FIN, or waits to be.
fn is_served(view: &SocketView) -> bool {
    let Some((half, counters)) = view.half().zip(view.counters) else {
        return false;
    };
    let acknowledged = counters.snd_una.is_some_and(|una| una != half.snd_una);
    acknowledged || counters.unacked > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use finback_core::model::guard::Guard;
    use finback_core::model::look::HalfClosed;
    use finback_core::model::socket::{Endpoints, Role};
    use finback_core::model::time::Timestamp;

    fn view(state: TcpState, counters: SocketCounters) -> SocketView {
        SocketView {
            sock: 1,
            endpoints: Endpoints {
                local: "192.0.2.1:80".parse().unwrap(),
                peer: "192.0.2.2:4711".parse().unwrap(),
                netns: 1,
            },
            state,
            role: Role::Server,
            opener: None,
            holders: Vec::new(),
            queued: None,
            inode: None,
            cookie: None,
            half: Some(Box::new(HalfClosed {
                snd_una: 100,
                write_seq: 100,
                ..HalfClosed::at(Timestamp::default())
            })),
            fin_behind_hole: false,
            halted: None,
            waiting: None,
            counters: Some(counters),
        }
    }

    fn counters(una: u32) -> SocketCounters {
        SocketCounters {
            snd_una: Some(una),
            last_sent: 1_000,
            last_received: 2_000,
            guard: Some(Guard::default()),
            ..SocketCounters::default()
        }
    }

    #[test]
    fn who_is_still_being_served_drains_unless_there_is_a_finding() {
        let of = |una, accused| {
            let view = view(TcpState::CloseWait, counters(una));
            Stage::of(&view, accused, None)
        };
        assert_eq!(of(100, false), Some(Stage::HalfClosedUnnoticed));
        assert_eq!(of(900, false), Some(Stage::HalfClosedDraining));
        assert_eq!(of(900, true), Some(Stage::HalfClosedUnnoticed));
    }

    #[test]
    fn a_connection_is_idle_after_a_minute_without_data_either_way() {
        let of = |now| {
            let jiffies = Jiffies {
                now,
                at: Timestamp::from_nanos(90_000_000_000_000),
                length: Duration::from_millis(4),
            };
            let view = view(TcpState::Established, counters(100));
            Stage::of(&view, false, Some(jiffies))
        };
        assert_eq!(of(2_000 + 14_999), Some(Stage::Established));
        assert_eq!(of(2_000 + 15_000), Some(Stage::Idle));
    }

    #[test]
    fn a_socket_that_was_never_connected_is_no_connection() {
        let closed = view(TcpState::Closed, counters(0));
        assert_eq!(Stage::of(&closed, false, None), None);
        let listener = view(TcpState::Listen, counters(0));
        assert_eq!(Stage::of(&listener, false, None), None);
    }
}
