//! finback finds TCP connections whose peer has hung up while the application has not noticed.
//!
//! The library exists for the binary and for its tests; it promises no stable interface.

pub mod audit;
pub mod bundle;
#[cfg(test)]
mod checked_in;
pub mod cli;
pub mod client;
pub mod config;
pub mod daemon;
pub mod exec;
pub mod explain;
pub mod export;
pub mod filter;
pub mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod history;
pub mod kernel;
pub mod kill;
mod lossy;
pub mod memory;
pub mod metrics;
pub mod moment;
pub mod output;
pub mod privilege;
pub mod process;
pub mod recording;
pub mod refusal;
pub mod remedy;
pub mod server;
pub mod source;
pub mod survey;
pub mod tui;
mod value;
