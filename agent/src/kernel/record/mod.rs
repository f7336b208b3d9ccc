//! What comes out of the ring: read, decoded, and what of it was lost.

pub mod decode;
pub mod stack;

pub(super) mod loss;
pub(super) mod ring;
