//! Signals by their names: what they are to the kernel programs' build is nobody else's business.

use std::collections::BTreeSet;

use finback_common::hook::Signal;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(
    signals: &BTreeSet<Signal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(signals.iter().map(|signal| signal.name()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<Signal>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let signals = names.iter().map(|name| {
        let known = Signal::ALL.iter().find(|signal| signal.name() == name);
        known
            .copied()
            .ok_or_else(|| D::Error::custom("an unknown signal"))
    });
    signals.collect()
}
