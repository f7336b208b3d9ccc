//! Where a program was: user stacks, unwound and named.
//!
//! The kernel side hands over registers and the top of a stack when a socket is opened ([`RawStack`]). A thread of
//! its own has it unwound at once, by the unwind information of the files that the process has mapped, and keeps the
//! addresses for as long as the socket lives. Only a finding makes names of them, on yet another thread: reading a
//! large program's debug information takes its time, and nothing else waits for it.
//!
//! Both threads open files and read memory, which takes rights, and parse nothing of it. That is done by a process
//! without rights for each ([`reader`]), because what is parsed belongs to whoever runs a program.
//!
//! [`RawStack`]: crate::kernel::record::stack::RawStack

mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod image;
mod keeper;
mod link;
mod memory;
pub mod model;
mod names;
pub mod reader;
mod statistics;
mod syscall;
mod threads;
mod unwind;
mod wire;
mod worker;

pub use statistics::Statistics;
pub use worker::{Answer, Request, Stacks};

#[cfg(test)]
mod tests;
