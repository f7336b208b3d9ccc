//! A line of the stream, with the fields that say whether it is wanted.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

use crate::output::clock::Time;
use crate::output::json::Event;

/// One line, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, with its line feed.
    pub text: Bytes,
    /// Its `time`.
    pub time: Time,
    /// Its `seq`: begins anew with each daemon.
    pub seq: u64,
    /// Its `type`.
    pub kind: Box<str>,
    /// Names the daemon that has told it: when that began.
    pub run: Time,
}

impl Line {
    /// The event, if this version knows its type.
    pub fn event(&self) -> serde_json::Result<Event<'_>> {
        serde_json::from_slice(&self.text)
    }
}

/// What every line begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    pub(super) seq: u64,
    pub(super) time: Time,
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// `None` if it is no line of the stream.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}
