//! An answer that is an error.

use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::{Body, whole};
use crate::refusal::{Reason, Refusal};

/// Why a request is not done.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    status: StatusCode,
    reason: Reason,
}

impl Refused {
    /// `code` is for programs; `message` says what is wrong, `help` what to do.
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            status,
            reason: Reason {
                code: code.into(),
                message: message.into(),
                help: help.into(),
            },
        }
    }

    /// 400.
    pub(super) fn bad(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message, help)
    }

    /// 503.
    pub(super) fn for_now(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message, help)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let refusal = Refusal { error: self.reason };
        // Strings only: it cannot fail.
        let mut text = serde_json::to_vec(&refusal).unwrap_or_default();
        text.push(b'\n');
        let mut response = Response::new(whole(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
