//! The heart: which connections there are, who owns them and what is wrong with them.
//!
//! Pure and sans-IO. Observations and the time go in (`Tracker::handle`), events and requests come out
//! (`Tracker::next_output`), and `Tracker::poll_timeout` says when to call again. No clock, no socket, no task
//! and nothing of the other modules is used here.

#![forbid(unsafe_code)]

pub mod event;
pub mod finding;
pub mod observation;
pub mod socket;
pub mod state;
pub mod time;
