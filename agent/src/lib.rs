//! finback finds TCP connections whose peer has hung up while the application has not noticed.
//!
//! The library exists for the binary and for its tests; it promises no stable interface.

pub mod core;
pub mod kernel;
