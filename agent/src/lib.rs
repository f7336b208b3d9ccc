//! finback finds TCP connections whose peer has hung up while the application has not noticed.
//!
//! The library exists for the binary and for its tests; it promises no stable interface.

pub mod cli;
pub mod client;
pub mod config;
pub mod daemon;
pub mod exec;
pub mod kernel;
pub mod output;
pub mod process;
pub mod server;
