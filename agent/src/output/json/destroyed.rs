//! A socket that was destroyed on a user's word, on the wire.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who destroyed it, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Destroyed<'a> {
    /// What came of it.
    pub result: DestroyResult,
    /// What the kernel said (errno), if that was neither yes nor "no such socket".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<u32>,
    /// What it was chosen by.
    #[serde(borrow)]
    pub filter: Cow<'a, str>,
    /// The process that asked the kernel for it.
    pub by_pid: u32,
    /// Its user: the one who logged in (`/proc/self/loginuid`), where the kernel knows, else the real user id.
    pub by_user: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DestroyResult {
    /// Its connection is over: the peer has got a reset, the application an error.
    Destroyed,
    /// It had ended before, or its addresses are another socket's by now: nothing was done.
    Gone,
    /// The kernel does not allow it to this user.
    NotPermitted,
    /// The kernel refused.
    Failed,
}
