//! A value that a line has, by the names that filters know.

use std::borrow::Cow;
use std::net::IpAddr;

use finback_core::model::finding as core;
use finback_core::model::state::TcpState;

use crate::output::json::{Body, Confidence, Endpoint, Role, Severity, State, Verdict};

/// A value of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'e> {
    /// Of a vocabulary.
    Word(&'static str),
    /// A number; a duration in nanoseconds.
    Number(u64),
    /// An address and, if it has one, a port.
    End(IpAddr, Option<u16>),
    /// Text.
    Text(Cow<'e, str>),
}

pub(super) fn number<'e, N: Into<u64>>(number: N) -> Value<'e> {
    Value::Number(number.into())
}

pub(super) fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

pub(super) fn owned<'e>(shown: &impl ToString) -> Value<'e> {
    Value::Text(Cow::Owned(shown.to_string()))
}

pub(super) fn end<'e>(end: Endpoint) -> Value<'e> {
    Value::End(end.address, Some(end.port))
}

pub(super) fn verdict<'e>(verdict: Verdict) -> Value<'e> {
    Value::Word(core::Verdict::from(verdict).name())
}

pub(super) fn severity<'e>(severity: Severity) -> Value<'e> {
    Value::Word(core::Severity::from(severity).name())
}

pub(super) fn state<'e>(state: State) -> Value<'e> {
    Value::Word(TcpState::from(state).name())
}

pub(super) fn confidence<'e>(confidence: Confidence) -> Value<'e> {
    Value::Word(core::Confidence::from(confidence).name())
}

pub(super) const fn family<'e>(address: IpAddr) -> Value<'e> {
    Value::Word(if address.is_ipv4() { "ipv4" } else { "ipv6" })
}

pub(super) const fn role<'e>(role: Role) -> Value<'e> {
    Value::Word(match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Unknown => "unknown",
    })
}

pub(super) const fn type_name<'e>(body: &Body<'_>) -> Value<'e> {
    Value::Word(match body {
        Body::Hello { .. } => "hello",
        Body::Transition { .. } => "transition",
        Body::Eof { .. } => "eof",
        Body::Finding { .. } => "finding",
        Body::Incident { .. } => "incident",
        Body::Connection { .. } => "connection",
        Body::Socket { .. } => "socket",
        Body::Destroyed { .. } => "destroyed",
        Body::Remedy { .. } => "remedy",
        Body::Explanation { .. } => "explanation",
        Body::Lost { .. } => "lost",
        Body::Resync { .. } => "resync",
    })
}
