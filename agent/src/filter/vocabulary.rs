//! Words that can only be one of a few: states, verdicts, types of lines.

use std::fmt;

use super::operator::Operator;
use crate::value::closest;

/// What may be said.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// What one of them is called.
    pub(super) noun: &'static str,
    /// In the lines' spelling; from the least to the most, if they have an order.
    pub(super) words: &'static [&'static str],
    /// Other names for one.
    pub(super) also: &'static [(&'static str, &'static str)],
    /// Names for many: for all but these.
    pub(super) groups: &'static [(&'static str, &'static [&'static str])],
    /// Whether one can be more than another.
    pub(super) ordered: bool,
}

/// Some words of a vocabulary, never none: bit `1 << n` is the `n`-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words(u32);

impl Words {
    /// These; nothing if there is none.
    pub(super) fn new(bits: u32) -> Option<Self> {
        (bits != 0).then_some(Self(bits))
    }

    /// Bit `1 << n` for the `n`-th.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// What either has.
    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What only this one has.
    pub(super) fn without(self, other: Self) -> Option<Self> {
        Self::new(self.0 & !other.0)
    }
}

impl Vocabulary {
    /// The word or the group of this name. `-` and `_` are the same, and so are small and capital letters.
    pub(super) fn read(&self, text: &str) -> Result<Words, String> {
        self.find(text).ok_or_else(|| self.wrong(text))
    }

    /// As [`Self::read`], without a word about what is wrong.
    pub(super) fn find(&self, text: &str) -> Option<Words> {
        let wanted = plain(text);
        let named = |name: &&str| plain(name) == wanted;
        if let Some((_, without)) = self.groups.iter().find(|(name, _)| named(name)) {
            return Words::new(self.all_but(without));
        }
        let also = self.also.iter().find(|(name, _)| named(name));
        let word = also.map_or(&*wanted, |(_, word)| *word);
        let place = self
            .words
            .iter()
            .position(|known| plain(known) == plain(word));
        place.and_then(|place| Words::new(1 << place))
    }

    /// Whether the word is one of these.
    pub(super) fn has(&self, words: Words, word: &str) -> bool {
        let place = self.words.iter().position(|known| *known == word);
        place.is_some_and(|place| words.bits() & 1 << place != 0)
    }

    /// Those that compare so with this one; nothing if it is not a single word, or if there is none.
    pub(super) fn ordered(&self, operator: Operator, asked: Words) -> Option<Words> {
        let asked = asked.bits().trailing_zeros();
        let places = 0..u32::try_from(self.words.len()).unwrap_or(0);
        let fitting = places.filter(|place| operator.fits(place, &asked));
        Words::new(fitting.fold(0, |bits, place| bits | 1 << place))
    }

    /// Canonical names, the name of a group if they are one.
    pub(super) fn write(&self, words: Words, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self
            .groups
            .iter()
            .find(|(_, without)| self.all_but(without) == words.bits());
        if let Some((name, _)) = group {
            return f.write_str(name);
        }
        let mut before = "";
        for (place, word) in self.words.iter().enumerate() {
            if words.bits() & 1 << place != 0 {
                write!(f, "{before}{word}")?;
                before = ",";
            }
        }
        Ok(())
    }

    fn all_but(&self, without: &[&str]) -> u32 {
        let kept = self.words.iter().enumerate();
        let kept = kept.filter(|(_, word)| !without.contains(word));
        kept.fold(0, |bits, (place, _)| bits | 1 << place)
    }

    fn wrong(&self, text: &str) -> String {
        let groups = self.groups.iter().map(|(name, _)| *name);
        let known = self.words.iter().copied().chain(groups);
        let also = self.also.iter().map(|(name, _)| *name);
        let guess = closest(&plain(text), known.clone().chain(also));
        let guess = guess.map_or_else(String::new, |word| format!("did you mean `{word}`? "));
        let known: Vec<_> = known.collect();
        format!("{guess}use one of {}", known.join(", "))
    }
}

fn plain(word: &str) -> String {
    word.replace('-', "_").to_ascii_lowercase()
}

/// States, in the order of a connection's life.
pub(super) static STATES: Vocabulary = Vocabulary {
    noun: "state",
    words: &[
        "closed",
        "listen",
        "syn_sent",
        "syn_received",
        "established",
        "close_wait",
        "last_ack",
        "fin_wait_1",
        "fin_wait_2",
        "closing",
        "time_wait",
    ],
    also: &[
        ("close", "closed"),
        ("unconnected", "closed"),
        ("unconn", "closed"),
        ("listening", "listen"),
        ("syn_recv", "syn_received"),
        ("syn_rcv", "syn_received"),
        ("new_syn_recv", "syn_received"),
        ("estab", "established"),
        ("fin_wait1", "fin_wait_1"),
        ("fin_wait2", "fin_wait_2"),
    ],
    groups: &[
        ("all", &[]),
        ("connected", &["closed", "listen"]),
        ("synchronized", &["closed", "listen", "syn_sent"]),
        (
            "bucket",
            &[
                "closed",
                "listen",
                "syn_sent",
                "established",
                "close_wait",
                "last_ack",
                "fin_wait_1",
                "fin_wait_2",
                "closing",
            ],
        ),
        ("big", &["syn_received", "time_wait"]),
    ],
    ordered: false,
};

/// Verdicts.
pub(super) static VERDICTS: Vocabulary = Vocabulary {
    noun: "verdict",
    words: &[
        "eof_unread",
        "eof_not_requested",
        "not_closed",
        "never_accepted",
        "inherited",
        "eof_spin",
        "write_after_fin",
        "stale_pooled",
        "dead_open",
        "never_reads",
        "dead_peer",
        "peer_not_closing",
        "time_wait_pressure",
    ],
    also: &[],
    groups: &[("any", &[])],
    ordered: false,
};

/// How bad.
pub(super) static SEVERITIES: Vocabulary = Vocabulary {
    noun: "severity",
    words: &["info", "warning", "critical"],
    also: &[("warn", "warning"), ("crit", "critical")],
    groups: &[],
    ordered: true,
};

/// How sure.
pub(super) static CONFIDENCES: Vocabulary = Vocabulary {
    noun: "confidence",
    words: &["likely", "proven"],
    also: &[],
    groups: &[],
    ordered: true,
};

/// Which end.
pub(super) static ROLES: Vocabulary = Vocabulary {
    noun: "role",
    words: &["client", "server", "unknown"],
    also: &[],
    groups: &[],
    ordered: false,
};

/// Versions of the Internet Protocol.
pub(super) static FAMILIES: Vocabulary = Vocabulary {
    noun: "family",
    words: &["ipv4", "ipv6"],
    also: &[
        ("4", "ipv4"),
        ("6", "ipv6"),
        ("inet", "ipv4"),
        ("inet6", "ipv6"),
    ],
    groups: &[],
    ordered: false,
};

/// Types of lines.
pub(super) static TYPES: Vocabulary = Vocabulary {
    noun: "type",
    words: &[
        "hello",
        "transition",
        "eof",
        "finding",
        "incident",
        "connection",
        "socket",
        "lost",
        "resync",
        "destroyed",
        "remedy",
        "explanation",
    ],
    also: &[],
    groups: &[],
    ordered: false,
};
