//! What the kernel knows of loaded programs and maps, asked from outside of the process that holds them, and one
//! program of our own: the floor.

mod floor;
mod holdings;
mod map;
mod statistics;
mod syscall;

pub(super) use self::{floor::Floor, holdings::Holdings, statistics::Statistics};
