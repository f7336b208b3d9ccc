//! Parts of a proof that can be missing.

/// Who has the socket open.
pub(crate) const HOLDERS: &str = "holders";
/// Whether the end-of-stream was delivered.
pub(crate) const EOF: &str = "eof";
/// The numbers at the peer's FIN.
pub(crate) const FIN: &str = "fin";
/// The socket's numbers.
pub(crate) const COUNTERS: &str = "counters";
/// Whose accept queue it waits in.
pub(crate) const LISTENER: &str = "listener";
/// What an upper layer protocol (kTLS) has read in place of the application.
pub(crate) const UPPER_LAYER: &str = "upper_layer";
/// Whether anybody is left at the other end.
pub(crate) const PEER: &str = "peer";
/// Who used the connection last, or whether anybody would have.
pub(crate) const USE: &str = "use";
/// Whether what waits unread is an answer or only a farewell.
pub(crate) const ANSWER: &str = "answer";
/// Whether another connection of the process carries on what came on this one.
pub(crate) const MATE: &str = "mate";
/// What happened before the only look.
pub(crate) const HISTORY: &str = "history";
/// What was written: a request, or a farewell that nobody needs.
pub(crate) const PURPOSE: &str = "purpose";

/// All of them.
#[cfg(feature = "serde")]
const ALL: &[&str] = &[
    HOLDERS,
    EOF,
    FIN,
    COUNTERS,
    LISTENER,
    UPPER_LAYER,
    PEER,
    USE,
    ANSWER,
    MATE,
    HISTORY,
    PURPOSE,
];

/// Their names, written down and read again. Another version may have written one that this one does not know: the proof
/// is complete then without it, until the next look.
#[cfg(feature = "serde")]
pub(crate) mod names {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        names: &[&'static str],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        names.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<&'static str>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let known = |name: &String| super::ALL.iter().copied().find(|known| known == name);
        Ok(names.iter().filter_map(known).collect())
    }
}
