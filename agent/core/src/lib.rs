//! The words of the heart, as far as this branch needs them.

#![forbid(unsafe_code)]

pub mod model;
