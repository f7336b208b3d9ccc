//! What a filter says, once it has been read.

use super::end::End;
use super::operator::Operator;
use super::pattern::Pattern;
use super::vocabulary::Words;
use super::words::Name;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// All of these, two at least.
    All(Vec<Self>),
    /// Any of these, two at least.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// A comparison.
    Test(Test),
}

/// A comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// Of this.
    pub(super) name: Name,
    /// In this way: one that the word's kind has.
    pub(super) operator: Operator,
    /// With these.
    pub(super) values: Values,
}

/// What a word is compared with: as its kind asks for, and at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Words of its vocabulary.
    Words(Words),
    /// Numbers, ports, bytes; durations in nanoseconds.
    Numbers(Vec<u64>),
    /// Ends, addresses, networks.
    Ends(Vec<End>),
    /// Text.
    Patterns(Vec<Pattern>),
}

impl Expression {
    /// All of these; nothing if there are none.
    pub(super) fn all(mut parts: Vec<Self>) -> Option<Self> {
        match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Self::All(parts)),
        }
    }
}
