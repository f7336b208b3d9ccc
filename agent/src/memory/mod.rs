//! What the next daemon is to know of this one's findings and incidents: a file beside the socket, one note a line, in the
//! order in which things happened.
//!
//! A note is written before anybody is told, and whole or not at all: killed at any moment, a daemon leaves a file that is
//! right, but for the last line. The names of sockets and processes in it mean nothing after a boot, so it is bound to one.

mod header;
mod journal;
mod read;
#[cfg(test)]
mod tests;

pub use header::Header;
pub use journal::{Journal, State};
pub use read::{Found, read};
