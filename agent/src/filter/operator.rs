//! How a word is compared with what it is to be.

use std::fmt;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// Is one of these.
    Equal,
    /// Is there and is none of these.
    Unequal,
    /// Is less than this.
    Less,
    /// Is at most this.
    AtMost,
    /// Is more than this.
    More,
    /// Is at least this.
    AtLeast,
    /// Has one of these in it.
    Contains,
    /// Is there and has none of these in it.
    Lacks,
}

impl Operator {
    /// Canonical form first, then those that `ss` accepts as well.
    const SPELT: [(Self, &'static [&'static str]); 8] = [
        (Self::Equal, &["=", "==", "eq"]),
        (Self::Unequal, &["!=", "ne", "neq"]),
        (Self::Less, &["<", "lt"]),
        (Self::AtMost, &["<=", "le", "leq"]),
        (Self::More, &[">", "gt"]),
        (Self::AtLeast, &[">=", "ge", "geq"]),
        (Self::Contains, &["~"]),
        (Self::Lacks, &["!~"]),
    ];

    /// What this text stands for.
    pub(super) fn read(text: &str) -> Option<Self> {
        let found = Self::SPELT.iter().find(|(_, forms)| forms.contains(&text));
        found.map(|(operator, _)| *operator)
    }

    /// Canonical form.
    pub(super) fn name(self) -> &'static str {
        let found = Self::SPELT.iter().find(|(operator, _)| *operator == self);
        found.map_or("", |(_, forms)| forms[0])
    }

    /// True if none of the values fits.
    pub(super) const fn negates(self) -> bool {
        matches!(self, Self::Unequal | Self::Lacks)
    }

    /// Asks for a part of a text.
    pub(super) const fn looks_inside(self) -> bool {
        matches!(self, Self::Contains | Self::Lacks)
    }

    /// Asks for an order: of several values it could only mean one.
    pub(super) const fn orders(self) -> bool {
        matches!(self, Self::Less | Self::AtMost | Self::More | Self::AtLeast)
    }

    /// Whether a value fits one that was asked for, before any negation.
    pub(super) fn fits<T: Ord>(self, found: &T, asked: &T) -> bool {
        match self {
            Self::Equal | Self::Unequal => found == asked,
            Self::Less => found < asked,
            Self::AtMost => found <= asked,
            Self::More => found > asked,
            Self::AtLeast => found >= asked,
            // Of text only.
            Self::Contains | Self::Lacks => false,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
