//! How much is taken from clients, and of how many.
//!
//! What somebody may do by mistake is refused with an explanation; what is far beyond that ([`HARD`]) by its status
//! alone, and before it takes memory.

use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::refused::Refused;

/// Connections that are served at once.
pub(super) const CONNECTIONS: usize = 128;

/// Connections beyond [`CONNECTIONS`] that are told so at once; more wait until they are accepted.
pub(super) const TURNED_AWAY: usize = 16;

/// Who reads the stream at once. Fewer than [`CONNECTIONS`]: questions are answered however many watch.
pub(super) const SUBSCRIBERS: usize = 64;

/// Bytes of a query, still encoded.
pub(super) const QUERY: usize = 8 * 1024;

/// Bytes of a request's head.
pub(super) const HEAD: usize = 16 * 1024;

/// Headers of a request.
pub(super) const HEADERS: usize = 64;

/// Times [`HEAD`] and [`HEADERS`]: what is not even parsed.
pub(super) const HARD: usize = 2;

/// From a connection's beginning, or the answer before, until a request's head is there.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses what is too large.
pub(super) fn check(head: &Parts, has_body: bool) -> Result<(), Refused> {
    if head.uri.query().is_some_and(|query| query.len() > QUERY) {
        return Err(Refused::new(
            StatusCode::URI_TOO_LONG,
            "query_too_long",
            format!("the query is longer than {QUERY} bytes"),
            "ask for less at once, or leave out the filter and sift what comes",
        ));
    }
    if head.headers.len() > HEADERS || size(head) > HEAD {
        return Err(Refused::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head_too_large",
            format!(
                "the request has more than {HEADERS} headers, or more than {HEAD} bytes of them"
            ),
            "none of them is needed: leave out cookies and the like",
        ));
    }
    if has_body {
        return Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_refused",
            "the request has a body",
            "everything that can be asked for is in the path and its query: send no body",
        ));
    }
    Ok(())
}

/// About what was sent: the spaces between are not known any more.
fn size(head: &Parts) -> usize {
    let line = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        name.as_str().len() + value.len()
    };
    line + head.headers.iter().map(header).sum::<usize>()
}
