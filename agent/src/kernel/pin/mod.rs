//! What outlives the daemon: tables and attached programs that are pinned in a folder of a bpf file system, so that
//! nothing is forgotten and nothing goes unseen while no daemon runs.
//!
//! A pin is trusted only if nobody else can have put it there, if it is what its name says, and, of a table, if the
//! programs that write it have been attached all the time: what nobody has kept up names sockets that are long gone.
//! What is not trusted is begun anew, and a sentence says why.

mod folder;
mod object;
mod own;
mod place;
mod refusal;
mod remove;
mod report;

pub(in crate::kernel) use self::object::Shape;
pub(in crate::kernel) use self::own::Pins;

pub use self::object::Kind;
pub use self::place::Place;
pub use self::refusal::Refusal;
pub use self::remove::{Removed, remove};
pub use self::report::{LeftOut, PinReport, Pinned, list};
