//! One file per signal. A signal's function is called by every flavour's program, with the socket in the way
//! that flavour can read it.

pub(crate) mod accept;
pub(crate) mod act;
pub(crate) mod eof;
pub(crate) mod half;
pub(crate) mod life;
pub(crate) mod open;
pub(crate) mod owner;
pub(crate) mod release;
pub(crate) mod reset;
pub(crate) mod segment;
pub(crate) mod state;
pub(crate) mod time_wait;
