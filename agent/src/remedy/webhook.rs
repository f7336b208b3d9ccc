//! Posts the line to a URL, once: while it calls it is posted again when it has cooled down.

use bytes::Bytes;

use super::outcome::Outcome;
use crate::export::http::{self, Client, Endpoint, Options, Post};
use crate::output::json::Decision;

/// What an incident weighs is no reason to wait for long: other cases do.
pub(super) async fn post(url: &Endpoint, line: &Bytes, dry_run: bool) -> Outcome {
    if dry_run {
        return Outcome::new(Decision::WouldDo, format!("would post to {url}"));
    }
    let mut client = Client::new(url.clone(), Options::default());
    let post = Post {
        path: "",
        content_type: "application/json",
        headers: Vec::new(),
        body: line.clone(),
    };
    match client.post(&post).await {
        http::Outcome::Delivered { .. } => Outcome::new(Decision::Done, format!("posted to {url}")),
        http::Outcome::Later { why, .. } | http::Outcome::Refused { why } => Outcome::failed(why),
    }
}
