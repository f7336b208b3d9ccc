//! Doors for what feeds exporters with anything: see [`crate::fuzzing`].

use super::http::Endpoint;
use super::{http, otlp};

/// What a receiver answers, whatever it is.
pub(crate) fn answers(bytes: &[u8], text: &str) {
    http::fuzzing::outcome(bytes);
    for why in otlp::partial_of(bytes).into_iter().flatten() {
        assert!(!why.contains(char::is_control), "{why:?}");
    }
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        let again = endpoint.to_string().parse::<Endpoint>();
        assert!(again.is_ok(), "{text:?} is shown as {endpoint}");
    }
}
