//! What a recording consists of.

use serde::{Deserialize, Serialize};

use crate::output::json::Hello;
use crate::process::Description;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use finback_core::settings::Settings;

/// First bytes of what the first frame holds.
const MAGIC: [u8; 8] = *b"fb-tape\0";

/// Changes whenever anything that is recorded is written in another way: postcard names no fields.
const FORMAT: u32 = 1;

/// Tells a recording from other files; written in the same way for good.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    magic: [u8; 8],
    format: u32,
    /// The version of finback that has written it.
    version: Box<str>,
}

impl Header {
    /// Of what this version writes.
    pub(super) fn own() -> Self {
        Self {
            magic: MAGIC,
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    pub(super) fn is_of_recording(&self) -> bool {
        self.magic == MAGIC
    }

    /// Whether this version can read what follows; if not, which can.
    pub(super) fn readable(self) -> Result<(), Box<str>> {
        if self.format == FORMAT {
            Ok(())
        } else {
            Err(self.version)
        }
    }
}

/// What is known before anything happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Beginning {
    /// What the engine was told.
    pub settings: Settings,
    /// What subscribers were greeted with.
    pub hello: Hello<'static>,
    /// When the host was booted by its wall clock, nanoseconds since 1970.
    pub boot: u64,
}

/// One thing after the other. `Input` is what the engine is given, or borrows it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry<Input> {
    /// The engine was given something.
    Input {
        /// At this moment.
        now: Timestamp,
        /// This.
        input: Input,
    },
    /// Of what the engine has said everything up to the next finding or incident was told. This was known then of
    /// the processes that it names.
    Told(Vec<(ProcessId, Option<Description>)>),
    /// All that the engine has said was told.
    Turn,
    /// The wall clock was set: from now on the host was booted then, nanoseconds since 1970.
    Clock(u64),
    /// Nothing follows.
    End(Ending),
}

/// Why a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was to last so long, or it was interrupted.
    Asked,
    /// It is as large as it may be.
    Full,
    /// The disk was slower than what was to be written.
    Slow,
}
