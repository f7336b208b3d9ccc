//! What is served where.

use axum::Router;
use axum::body::Body;
use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;

use super::{About, SLOW, State};
use crate::output::feed::Format;

pub(super) fn router(state: State) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .route("/v1/findings", get(findings))
        .route("/v1/status", get(status))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(state)
}

/// The stream, from now on, until the daemon ends or the reader goes.
async fn events(extract::State(state): extract::State<State>) -> Response {
    let Some(subscription) = state.feed.subscribe(Format::Json, SLOW) else {
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

async fn findings(extract::State(state): extract::State<State>) -> Response {
    document(&state, About::Findings).await
}

async fn status(extract::State(state): extract::State<State>) -> Response {
    document(&state, About::Status).await
}

async fn ready(extract::State(state): extract::State<State>) -> Response {
    document(&state, About::Readiness).await
}

async fn document(state: &State, about: About) -> Response {
    match state.ask(about).await {
        Some(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        None => unavailable(),
    }
}

fn unavailable() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "the daemon does not answer\n",
    )
        .into_response()
}
