//! The kernel side alone, as far as this branch needs it.

pub mod kernel;
