//! The lengths by which a trend is measured, and by which a connection counts as settled.

/// Windows side by side, in multiples of the shortest: a slow leak shows in long ones only.
pub(super) const SCALES: [u32; 3] = [1, 10, 60];

/// Settled by the measure of every scale.
pub(super) const EVERY: u8 = (1 << SCALES.len()) - 1;
