//! The key that signatures are made with, and the signatures.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ring::hmac;
use rustix::fs::OFlags;

use super::error::Error;
use crate::export::http::file;

/// A key. Never shown.
#[derive(Clone)]
pub(super) struct Secret(hmac::Key);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;
/// Longer ones are something else.
const LONGEST: u64 = 4096;

impl Secret {
    /// Reads a file that only root can have written and only root can read. A line feed at its end does not count.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        Self::read_of(path, 0)
    }

    /// The same with another user for root.
    pub(super) fn read_of(path: &Path, owner: u32) -> Result<Self, Error> {
        let wrong = |what: String| Error {
            path: path.to_owned(),
            what,
        };
        let failed = |error: io::Error| wrong(format!("cannot be read: {error}"));
        let file = file::open(path, OFlags::NOFOLLOW).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.uid() != owner {
            return Err(wrong(format!(
                "belongs to user {}, not to root",
                about.uid()
            )));
        }
        if about.mode() & 0o077 != 0 {
            let mode = about.mode() & 0o777;
            return Err(wrong(format!(
                "others may use it: mode {mode:03o}, not 600"
            )));
        }
        let bytes = file::whole(file, LONGEST).map_err(failed)?;
        let key = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if key.len() < SHORTEST {
            return Err(wrong(format!("has {} bytes, too few", key.len())));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// The header's value: when, in seconds of Unix time, and the authentication code of that moment, a full stop and the
    /// body. Who repeats an old request cannot make it a new one.
    pub(super) fn signature(&self, seconds: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(seconds.to_string().as_bytes());
        context.update(b".");
        context.update(body);
        let mut signature = format!("t={seconds},v1=");
        for byte in context.sign().as_ref() {
            let digits = [byte >> 4, byte & 15];
            signature.extend(digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
        }
        signature
    }
}
