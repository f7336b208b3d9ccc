//! How the server says no: `{"error":{"code":"unknown_kind","message":"…","help":"…"}}`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of every answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// What is wrong.
    pub error: Reason,
}

/// What is wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// For programs: does not change.
    pub code: Cow<'static, str>,
    /// For people: what is wrong.
    pub message: String,
    /// For people: what to do about it.
    pub help: String,
}
