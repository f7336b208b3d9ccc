//! How the engine's events leave: wire types, encoders, the feed that every subscriber reads, and stdout.

pub mod clock;
pub mod feed;
pub mod json;
#[cfg(test)]
pub(crate) mod samples;
pub mod select;
pub mod sink;
pub mod table;
pub mod text;
