//! The heart: which connections there are, who owns them and what is wrong with them.
//!
//! Pure and sans-IO: observations and the time go in, events and requests come out. No clock, no socket, no task and
//! nothing of the other packages but the ABI is used here.

#![forbid(unsafe_code)]

pub mod model;
mod outbox;
pub mod settings;
mod stream;
