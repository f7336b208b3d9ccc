//! A connection's whole life on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::nanos;
use super::names::{Cause, State};
use crate::output::clock::{Time, WallClock};
use finback_core::model::event::WholeLife;

/// A connection's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Life {
    /// When it began: the SYN was sent, or came; absent if that was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Time>,
    /// When its socket ended. TIME_WAIT may go on without one.
    pub closed: Time,
    /// From `opened` to `closed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// Bytes that the peer has acknowledged.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// The states it went through, in order, as far as they were seen.
    pub states: Vec<Spell>,
    /// Why it ended.
    pub cause: Cause,
}

/// A time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spell {
    /// The state.
    pub state: State,
    /// How long.
    pub duration_ns: u64,
}

impl Life {
    pub(super) fn from_core(life: &WholeLife, clock: WallClock) -> Self {
        let spell = |&(state, duration): &(_, _)| Spell {
            state: State::from(state),
            duration_ns: nanos(duration),
        };
        Self {
            opened: life.opened.map(|opened| clock.at(opened)),
            closed: clock.at(life.closed),
            duration_ns: life.opened.map(|opened| nanos(life.closed.since(opened))),
            sent_bytes: life.bytes_sent,
            received_bytes: life.bytes_received,
            states: life.states.iter().map(spell).collect(),
            cause: life.cause.into(),
        }
    }
}
