//! What comes of a try.

use std::time::Duration;

/// What a receiver has said, or not said. Sentences are for people: short, and they say what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has all of them.
    Delivered,
    /// It has them but for some that it will not take at any time.
    Partly {
        /// So many it has refused.
        refused: u64,
        /// Why.
        why: String,
    },
    /// It may take them later.
    Later {
        /// Not sooner than that (`Retry-After`).
        after: Option<Duration>,
        /// Why not now.
        why: String,
    },
    /// It will not take them at any time.
    Refused {
        /// Why.
        why: String,
    },
}

impl Answer {
    /// It may take them later, whenever that is.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later {
            after: None,
            why: why.into(),
        }
    }

    /// It will not take them.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }
}
