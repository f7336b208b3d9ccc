//! What is served where.

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use serde::Deserialize;

use super::query::{About, Queries};
use crate::output::select::{Selection, Unknown};

pub(super) fn router(queries: Queries) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .route("/v1/connections", get(connections))
        .route("/v1/findings", get(findings))
        .route("/v1/incidents", get(incidents))
        .route("/v1/status", get(status))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(queries)
}

/// `/v1/events?select=finding,connection`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    select: Option<String>,
}

/// The stream, from now on, until the daemon ends or the reader goes.
async fn events(State(queries): State<Queries>, Query(wanted): Query<Wanted>) -> Response {
    let select = match wanted.select.as_deref().map(str::parse) {
        None => Selection::stream(),
        Some(Ok(select)) => select,
        Some(Err(unknown)) => return refused(&unknown),
    };
    let Some(subscription) = queries.subscribe(select).await else {
        return unavailable();
    };
    let lines = stream::unfold(subscription, |mut subscription| async {
        let lines = subscription.next().await?;
        Some((Ok::<_, std::convert::Infallible>(lines), subscription))
    });
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(lines),
    )
        .into_response()
}

/// Every socket as it is now.
async fn connections(State(queries): State<Queries>) -> Response {
    match queries.look().await {
        Some(shown) => super::connections::answer(shown),
        None => unavailable(),
    }
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

fn refused(error: &Unknown) -> Response {
    (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
}

fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "the daemon does not answer\n",
    )
        .into_response()
}
