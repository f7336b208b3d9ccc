//! What several sections need.

/// Some of these, as they are.
pub(super) fn some<const N: usize>(parts: [Option<String>; N]) -> Vec<String> {
    parts.into_iter().flatten().collect()
}
