//! Recordings: all that went into an engine, in order and with the clock of each call, so that it can be told again.
//!
//! A recording is a file of [frames](crate::frame). The first holds the header and the [`Beginning`]; each of the others
//! holds entries one after the other, as postcard writes them, of whole turns of the daemon; the last one holds the
//! [`Ending`]. What is missing shows: no recording has holes.

mod entry;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod play;
mod progress;
mod read;
mod tape;
#[cfg(test)]
mod tests;
mod wanted;
mod write;

pub use entry::{Beginning, Ending, Entry};
pub use play::Player;
pub use progress::{Progress, SoFar};
pub use read::{Broken, Entries, Error, is_recording, open};
pub use tape::Tape;
pub use wanted::Wanted;
