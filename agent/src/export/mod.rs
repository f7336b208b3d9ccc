//! What is told to programs that do not ask.

pub mod http;
