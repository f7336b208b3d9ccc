//! Answers that take some of what was sent, but not all.

use crate::output::text::clean;

/// What was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    /// So many items; with 0 all were taken, and the sentence is a warning.
    pub(super) refused: u64,
    pub(super) why: String,
}

impl Partial {
    /// Nothing if there is nothing to say.
    pub(super) fn new(refused: i64, words: &str) -> Option<Self> {
        let refused = u64::try_from(refused).unwrap_or(0);
        if refused == 0 && words.is_empty() {
            return None;
        }
        let why = match words {
            "" => "the receiver does not say why".to_owned(),
            words => clean(words),
        };
        Some(Self { refused, why })
    }
}
