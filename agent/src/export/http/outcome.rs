//! What an answer means for what was posted.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Response, StatusCode};

use crate::output::text::clean;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered {
        /// Its answer; empty if that was too long or broke off.
        answer: Bytes,
    },
    /// Not now: the same may be taken another time.
    Later {
        /// Not before so long, if the receiver says so. It may say anything: bound it.
        after: Option<Duration>,
        /// What is wrong, for people.
        why: String,
    },
    /// Never: the receiver does not want this, and another time changes nothing.
    Refused {
        /// What is wrong, for people.
        why: String,
    },
}

/// Characters of an answer that are told.
const TOLD: usize = 200;

impl Outcome {
    pub(super) const fn later(why: String) -> Self {
        Self::Later { after: None, why }
    }

    /// Reads the answer, this much of it at most. Also says whether the connection can be used again.
    pub(super) async fn read(response: Response<Incoming>, most: usize) -> (Self, bool) {
        let (head, body) = response.into_parts();
        let read = Limited::new(body, most).collect().await;
        let whole = read.is_ok();
        let answer = read.map_or_else(|_broken| Bytes::new(), http_body_util::Collected::to_bytes);
        let outcome = Self::of(head.status, &head.headers, answer, SystemTime::now());
        (outcome, whole)
    }

    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        answer: Bytes,
        now: SystemTime,
    ) -> Self {
        if status.is_success() {
            return Self::Delivered { answer };
        }
        let why = sentence(status, headers, &answer);
        let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        if status.is_server_error() || again.contains(&status) {
            let after = text(headers, header::RETRY_AFTER);
            let after = after.and_then(|after| retry_after(after, now));
            return Self::Later { after, why };
        }
        Self::Refused { why }
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// What the receiver says, fit for a log.
fn sentence(status: StatusCode, headers: &HeaderMap, answer: &[u8]) -> String {
    let said = format!("the receiver answers {status}");
    if let Some(place) = text(headers, header::LOCATION).filter(|_| status.is_redirection()) {
        return format!("{said} to {}: if that is right, configure it", told(place));
    }
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let is_text = ["text/plain", "application/json", "application/problem+json"]
        .iter()
        .any(|text| kind.starts_with(text));
    let words = String::from_utf8_lossy(answer);
    if is_text && !words.trim().is_empty() {
        return format!("{said}: {}", told(words.trim()));
    }
    said
}

fn told(words: &str) -> String {
    clean(&words.chars().take(TOLD).collect::<String>())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(HeaderName, &str)], body: &'static str) -> Outcome {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 13:25:44 GMT").unwrap();
        Outcome::of(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.into(),
            now,
        )
    }

    #[test]
    fn success_is_delivered_with_the_answer() {
        for status in [200, 202, 204] {
            let delivered = Outcome::Delivered {
                answer: "ok".into(),
            };
            assert_eq!(answered(status, &[], "ok"), delivered);
        }
    }

    #[test]
    fn what_passes_is_for_later_and_the_rest_for_never() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(
                answered(status, &[], ""),
                Outcome::Later { after: None, .. }
            ));
        }
        for status in [301, 307, 400, 401, 403, 404, 413] {
            assert!(matches!(answered(status, &[], ""), Outcome::Refused { .. }));
        }
    }

    #[test]
    fn a_delay_is_seconds_or_a_date() {
        for (text, expected) in [
            ("7", Some(7)),
            ("Sun, 22 Nov 2026 13:25:54 GMT", Some(10)),
            ("Sun, 22 Nov 2026 13:25:34 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let Outcome::Later { after, .. } = answered(429, &[(header::RETRY_AFTER, text)], "")
            else {
                panic!("not for later");
            };
            assert_eq!(after, expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_receiver_says_and_where_it_points_to() {
        let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        assert_eq!(
            answered(400, &plain, "no such\u{1b}[2J tenant\n"),
            Outcome::Refused {
                why: "the receiver answers 400 Bad Request: no such?[2J tenant".to_owned()
            }
        );
        assert_eq!(
            answered(308, &[(header::LOCATION, "https://b/")], ""),
            Outcome::Refused {
                why: "the receiver answers 308 Permanent Redirect to https://b/: if that is right, configure it"
                    .to_owned()
            }
        );
        let Outcome::Refused { why } = answered(404, &plain, "long ".repeat(1000).leak()) else {
            panic!("not refused");
        };
        assert!(why.len() < 300, "{why}");
    }
}
