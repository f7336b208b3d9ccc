//! The other connection of a relay.

use crate::model::time::Timestamp;

/// The connection on which a relay carries on what it has received on this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mate {
    /// They belong together: by their bytes, by being the only ones, or because they were opened together.
    pub(crate) fits: bool,
    /// When anything last happened on either.
    pub(crate) moved_at: Timestamp,
}
