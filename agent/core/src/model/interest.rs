//! What subscribers ask for.

use super::state::TcpState;

/// What the stream is to tell: the union of what all subscribers ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Interest {
    /// A change to one of these states is told; bits `1 << number` by the kernel's numbers.
    states: u16,
    /// Deliveries of the end-of-stream.
    pub eof: bool,
    /// One line for each connection at its end.
    pub connections: bool,
    /// FIN and RST segments that are not accepted at once. They cost something for every packet.
    pub segments: bool,
}

impl Interest {
    /// Nothing.
    pub const NONE: Self = Self {
        states: 0,
        eof: false,
        connections: false,
        segments: false,
    };

    /// Whether nobody asks for anything.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Changes to these states.
    pub fn in_states(states: impl IntoIterator<Item = TcpState>) -> Self {
        let bits = states.into_iter().map(|state| 1 << state.to_kernel());
        Self {
            states: bits.fold(0, |all, bit| all | bit),
            ..Self::NONE
        }
    }

    /// Whether changes to this state are told.
    pub const fn tells(self, state: TcpState) -> bool {
        self.states & (1 << state.to_kernel()) != 0
    }

    /// The states as bits `1 << number`, by the kernel's numbers.
    pub const fn state_bits(self) -> u16 {
        self.states
    }

    /// What either asks for.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            states: self.states | other.states,
            eof: self.eof || other.eof,
            connections: self.connections || other.connections,
            segments: self.segments || other.segments,
        }
    }
}
