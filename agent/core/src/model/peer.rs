//! Whether somebody is left at the other end of a connection.

/// What is known of the other end once it has ended its side. The peer's FIN alone says only that it will send no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Peer {
    /// Seen on this host while both ends lived, and closed since; or it has reset the connection.
    Gone,
    /// On this host, a client that has ended its side and keeps its descriptor: it waits for the rest of an answer.
    Waits,
    /// It has acknowledged data later than its FIN, lately.
    Reads,
    /// Its kernel has answered so long after the FIN that a closed connection would have been forgotten.
    Lives,
    /// Nothing of this: a peer that is silent may have closed, or only have nothing to say.
    #[default]
    Unknown,
}

impl Peer {
    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Waits => "waits",
            Self::Reads => "reads",
            Self::Lives => "lives",
            Self::Unknown => "unknown",
        }
    }

    /// Somebody is proven to be left, so a connection that is kept for them is no fault.
    pub const fn is_left(self) -> bool {
        matches!(self, Self::Waits | Self::Reads | Self::Lives)
    }
}
