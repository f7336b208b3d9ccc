//! What is served where.

use std::fmt::Display;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use tokio::sync::mpsc::Receiver;

use super::past::{self, Past};
use super::query::{About, Queries};
use crate::history::Range;
use crate::output::feed::Subscription;
use crate::output::select::Selection;

pub(super) fn router(queries: Queries, past: Past) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .route("/v1/findings", get(findings))
        .route("/v1/incidents", get(incidents))
        .route("/v1/status", get(status))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(queries)
        .layer(Extension(past))
}

/// `/v1/events?select=finding,connection&since=1h`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    select: Option<String>,
    since: Option<String>,
    until: Option<String>,
    last: Option<String>,
    follow: Option<bool>,
}

impl Wanted {
    /// What is wanted of the past, and whether it goes on from there.
    fn times(&self) -> Result<(Range, bool), String> {
        let words = [&self.since, &self.until, &self.last];
        let range = past::range(words.map(Option::as_deref))?;
        Ok((range, self.follow.unwrap_or(range.until.is_none())))
    }
}

/// The stream: what the history has of the range that is asked for, then from now on until the daemon ends or the
/// reader goes.
async fn events(
    State(queries): State<Queries>,
    Extension(past): Extension<Past>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let select = match wanted.select.as_deref().map(str::parse) {
        None => Selection::stream(),
        Some(Ok(select)) => select,
        Some(Err(unknown)) => return refused(unknown),
    };
    let (range, follow) = match wanted.times() {
        Ok(times) => times,
        Err(wrong) => return refused(wrong),
    };
    let mut live = None;
    if follow {
        live = queries.subscribe(select).await;
        if live.is_none() {
            return unavailable();
        }
    }
    let mut before = None;
    if !follow || !range.is_none() {
        match past.read(range, select, live.as_ref()).await {
            Ok(lines) => before = Some(lines),
            Err(error) => return (error.status(), format!("{error}\n")).into_response(),
        }
    }
    lines(before, live)
}

fn lines(before: Option<Receiver<Bytes>>, live: Option<Subscription>) -> Response {
    let before = stream::unfold(before, |mut lines| async {
        let next = lines.as_mut()?.recv().await?;
        Some((next, lines))
    });
    let live = stream::unfold(live, |mut subscription| async {
        let lines = subscription.as_mut()?.next().await?;
        Some((lines, subscription))
    });
    let lines = before.chain(live).map(Ok::<_, std::convert::Infallible>);
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(lines),
    )
        .into_response()
}

async fn findings(State(queries): State<Queries>) -> Response {
    document(&queries, About::Findings).await
}

async fn incidents(State(queries): State<Queries>) -> Response {
    document(&queries, About::Incidents).await
}

async fn status(State(queries): State<Queries>) -> Response {
    document(&queries, About::Status).await
}

async fn ready(State(queries): State<Queries>) -> Response {
    document(&queries, About::Readiness).await
}

async fn document(queries: &Queries, about: About) -> Response {
    match queries.document(about).await {
        Some(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        None => unavailable(),
    }
}

fn refused(error: impl Display) -> Response {
    (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
}

fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "the daemon does not answer\n",
    )
        .into_response()
}
