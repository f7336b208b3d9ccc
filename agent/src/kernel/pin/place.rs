//! Where to pin.

use std::path::PathBuf;

/// Where to pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Off {
        /// Why.
        reason: String,
    },
    /// In this folder, whose parent is on a bpf file system.
    Folder(PathBuf),
}

impl Default for Place {
    fn default() -> Self {
        Self::Off {
            reason: "not asked for".into(),
        }
    }
}
