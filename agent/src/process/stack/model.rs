//! What a stack is, and why there may be none.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use finback_core::model::time::Timestamp;

/// At which moment a stack was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// In the call of connect.
    Connect,
    /// In the call of accept.
    Accept,
    /// Of a thread as it is now.
    Current,
}

/// Why there is no stack where one could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The thread runs in its program: only a blocked one stands still.
    Running,
    /// The thread went on while it was looked at.
    Moved,
    /// The process ended, or executed another program, before its mappings were read.
    ProcessGone,
    /// Memory, mappings or files of the process could not be read.
    Unreadable,
}

/// A stack, innermost frame first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// When it was taken.
    pub kind: Kind,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub thread: u32,
    /// Its name at that moment.
    pub thread_name: Box<str>,
    /// The moment.
    pub time: Timestamp,
    /// The system call that the thread is blocked in.
    pub syscall: Option<Box<str>>,
    /// Whether outer frames are missing.
    pub truncated: bool,
    /// Why there are no frames.
    pub absence: Option<Absence>,
    /// The frames.
    pub frames: Vec<Frame>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Address in the process: where it goes on, so for all but the innermost the instruction after the call.
    pub address: u64,
    /// File that is mapped there.
    pub module: Option<Arc<str>>,
    /// Its build id.
    pub build_id: Option<Arc<str>>,
    /// The address as that file counts (as `addr2line` takes it).
    pub offset: Option<u64>,
    /// What is known of the place.
    pub name: Name,
}

/// A place in a program's source, or why it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Known.
    Known(Arc<Place>),
    /// Not known.
    Unknown(Reason),
}

/// A place in a program's source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Place {
    /// The function, demangled.
    pub function: Box<str>,
    /// Source file, as the debug information names it.
    pub file: Option<Box<str>>,
    /// Line in it.
    pub line: Option<u32>,
    /// Whether the function was inlined into the frame's function, which follows.
    pub inlined: bool,
}

/// Why a frame has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum Reason {
    /// The file has no symbols: it was stripped.
    NoSymbols,
    /// The file has symbols, but none for this address.
    NoSymbolHere,
    /// Generated code, and its runtime has left no perf map.
    GeneratedCode,
    /// The kernel's code in every process.
    Vdso,
    /// Nothing executable is mapped there.
    Unmapped,
    /// The file could not be read.
    Unreadable,
}
