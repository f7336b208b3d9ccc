//! Which events a subscriber wants.

use std::fmt;
use std::str::FromStr;

use finback_core::model::event::Body;

/// A kind of event that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Incidents.
    Incident,
    /// Findings.
    Finding,
    /// Changes of state and deliveries of the end-of-stream.
    Transition,
    /// One line for each connection, at its end.
    Connection,
    /// What remedies of the configuration have decided.
    Remedy,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Incident,
        Self::Finding,
        Self::Transition,
        Self::Connection,
        Self::Remedy,
    ];

    /// Name on the command line and in URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Finding => "finding",
            Self::Transition => "transition",
            Self::Connection => "connection",
            Self::Remedy => "remedy",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection(u8);

impl Selection {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// These kinds.
    pub fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }

    /// What is told to those who have not chosen: incidents, findings, changes of state and remedies.
    pub fn stream() -> Self {
        Self::of([
            Kind::Incident,
            Kind::Finding,
            Kind::Transition,
            Kind::Remedy,
        ])
    }

    /// Whether this kind is wanted.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether anything comes from the stream's engine.
    pub const fn needs_stream(self) -> bool {
        self.has(Kind::Transition) || self.has(Kind::Connection)
    }

    /// What either wants.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a line of this `type` is for this subscriber. Those that nobody can select are for all.
    pub fn takes_type(self, name: &str) -> bool {
        match name {
            "incident" => self.has(Kind::Incident),
            "finding" => self.has(Kind::Finding),
            "transition" | "eof" => self.has(Kind::Transition),
            "connection" => self.has(Kind::Connection),
            "remedy" => self.has(Kind::Remedy),
            _ => true,
        }
    }

    /// Whether an event is for this subscriber. What was lost or repaired concerns the stream only.
    pub const fn takes(self, body: &Body) -> bool {
        match body {
            Body::Incident(_) => self.has(Kind::Incident),
            Body::Finding { .. } | Body::ProcessFinding { .. } => self.has(Kind::Finding),
            Body::Transition { .. } | Body::Eof { .. } => self.has(Kind::Transition),
            Body::Connection { .. } => self.has(Kind::Connection),
            Body::Lost { .. } | Body::Resync { .. } => self.needs_stream(),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Kind::ALL.iter().filter(|kind| self.has(**kind));
        if let Some(first) = names.next() {
            f.write_str(first.name())?;
        }
        names.try_for_each(|kind| write!(f, ",{}", kind.name()))
    }
}

/// Not a list of kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no kind of event: choose from incident, finding, transition, connection, remedy, separated by commas"
)]
pub struct Unknown(String);

impl FromStr for Selection {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let kinds = text.split(',').map(|word| {
            let word = word.trim();
            let known = Kind::ALL.into_iter().find(|kind| kind.name() == word);
            known.ok_or_else(|| Unknown(word.to_owned()))
        });
        let kinds: Vec<Kind> = kinds.collect::<Result<_, _>>()?;
        Ok(Self::of(kinds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_written_alike() {
        for text in [
            "finding",
            "incident,finding,transition",
            "transition,connection",
        ] {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
        }
        let spaced: Selection = "connection, finding".parse().unwrap();
        assert_eq!(spaced.to_string(), "finding,connection");
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let error = "finding,socket".parse::<Selection>().unwrap_err();
        assert!(error.to_string().contains("`socket`"), "{error}");
        assert!("".parse::<Selection>().is_err());
    }
}
