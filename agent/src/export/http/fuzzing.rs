//! What a receiver answers.

use std::time::SystemTime;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::outcome::Outcome;

/// A status in two bytes, a header's value behind its length, then the body: what is told of it is short and moves no
/// cursor.
pub(in crate::export) fn outcome(bytes: &[u8]) {
    let [high, low, length, rest @ ..] = bytes else {
        return;
    };
    let status = u16::from_be_bytes([*high, *low]);
    let Ok(status) = StatusCode::from_u16(status) else {
        return;
    };
    let (value, body) = rest.split_at(rest.len().min(usize::from(*length)));
    for (name, kind) in [
        (header::RETRY_AFTER, "text/plain"),
        (header::LOCATION, "application/json"),
        (header::SERVER, "image/png"),
    ] {
        let headers = headers(name, value, kind);
        let body = body.to_vec().into();
        match Outcome::of(status, &headers, body, SystemTime::UNIX_EPOCH) {
            Outcome::Delivered { .. } => assert!(status.is_success()),
            Outcome::Later { why, .. } | Outcome::Refused { why } => {
                assert!(!why.contains(char::is_control), "{why:?}");
                assert!(why.chars().count() < 400, "{why}");
            }
        }
    }
}

fn headers(name: HeaderName, value: &[u8], kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
    headers
}
