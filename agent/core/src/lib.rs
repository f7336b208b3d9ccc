//! The heart: which connections there are, who owns them and what is wrong with them.
//!
//! Pure and sans-IO. Observations and the time go in (`Tracker::handle`), events and requests come out
//! (`Tracker::next_output`), and `Tracker::poll_timeout` says when to call again. No clock, no socket, no task
//! and nothing of the other modules is used here.

#![forbid(unsafe_code)]

mod change;
mod deadline;
mod ended;
mod growth;
mod inspect;
mod life;
mod loss;
pub mod model;
mod opposite;
mod pool;
mod pressure;
mod process_finding;
mod refused;
mod resync;
mod roster;
mod scan;
pub mod settings;
mod table;
mod telling;
#[cfg(test)]
mod tests;
mod time_wait;
pub mod tracker;
mod transition;
mod verdict;
mod watch;
