//! The heart: which connections are half-closed, whose fault that is, and what the stream tells.
//!
//! Pure and sans-IO. Records, looks and the time go in, events and requests come out
//! ([`engine::Engine::next_output`]), and [`engine::Engine::poll_timeout`] says when to call again. No clock, no
//! socket, no task.

#![forbid(unsafe_code)]

mod connection;
mod effort;
pub mod engine;
pub mod glance;
mod incident;
pub mod input;
mod looks;
pub mod memory;
pub mod model;
mod outbox;
pub mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;
