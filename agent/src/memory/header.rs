//! The first line.

use serde::{Deserialize, Serialize};

use finback_core::model::time::Timestamp;

/// What tells such a file from others.
const NAME: &str = "memory";

/// Changes if a later version must not read what an earlier one has written. New fields do not change it: what is not
/// known is left out, line by line.
const FORMAT: u32 = 1;

/// Who has written it, and what the notes are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    finback: String,
    format: u32,
    /// The version that has written it.
    version: String,
    /// The boot.
    boot_id: String,
    /// Since when the hooks had been attached, without a gap.
    pub watching_since: Timestamp,
}

impl Header {
    /// Of this version.
    pub fn own(boot_id: &str, watching_since: Timestamp) -> Self {
        Self {
            finback: NAME.to_owned(),
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot_id: boot_id.to_owned(),
            watching_since,
        }
    }

    /// Whether this version can use what follows; if not, why.
    pub(super) fn check(&self, boot_id: &str) -> Result<(), String> {
        if self.finback != NAME {
            return Err("it is not finback's".to_owned());
        }
        if self.format != FORMAT {
            return Err(format!(
                "finback {} has written it in another way (format {}, not {FORMAT})",
                self.version, self.format
            ));
        }
        if self.boot_id != boot_id {
            return Err("it is from before the host was booted".to_owned());
        }
        Ok(())
    }
}
