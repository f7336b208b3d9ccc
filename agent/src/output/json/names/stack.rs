//! The words of a stack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process::stack::model as stack;

mirror! {
    /// At which moment a stack was taken.
    StackKind of stack::Kind {
        /// In the call of connect.
        Connect,
        /// In the call of accept.
        Accept,
        /// Of a thread of a holder, when the finding was told.
        Current,
    }
}

mirror! {
    /// Why there is no stack where one could be.
    StackAbsence of stack::Absence {
        /// The thread runs: only a blocked one stands still.
        Running,
        /// The thread went on while it was looked at.
        Moved,
        /// The process had ended before its mappings were read.
        ProcessGone,
        /// Memory or mappings of the process could not be read.
        Unreadable,
    }
}

mirror! {
    /// Why a frame has no function.
    FrameReason of stack::Reason {
        /// The file has no symbols: it was stripped.
        NoSymbols,
        /// The file has symbols, but none for this address.
        NoSymbolHere,
        /// Generated code whose runtime has left no perf map.
        GeneratedCode,
        /// The kernel's code in every process.
        Vdso,
        /// Nothing executable is mapped there.
        Unmapped,
        /// The file could not be read.
        Unreadable,
    }
}
