//! What follows from the table of paths.

use super::super::table::ROUTES;
use super::*;
use crate::checked_in::assert_file;

/// A server in front of a daemon that is never asked.
fn alone() -> Served {
    Served::new(mpsc::channel(QUERIES).0)
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_what_can() {
    let served = alone();
    for (target, status, code, words) in [
        ("/v1/nothing", 404, "unknown_path", "/v1/incidents"),
        ("/v1/events/", 404, "unknown_path", "/v1/events, "),
        (
            "/v1/events?sel=finding",
            400,
            "unknown_parameter",
            "parameters are: select",
        ),
        (
            "/v1/findings?select=finding",
            400,
            "unknown_parameter",
            "parameters are: filter",
        ),
        (
            "/v1/connections?filter=state%20close-wiat",
            400,
            "wrong_filter",
            "close-wait",
        ),
        (
            "/v1/status?select=finding",
            400,
            "unknown_parameter",
            "no parameters",
        ),
        (
            "/v1/events?select=finding&select=incident",
            400,
            "repeated_parameter",
            "once",
        ),
        (
            "/v1/events?select=finding,socket",
            400,
            "unknown_kind",
            "select=finding,incident",
        ),
        (
            "/v1/events?select=find%ZZ%FF",
            400,
            "unknown_kind",
            "select=",
        ),
    ] {
        let (found, reason) = refusal(&served.path, target).await;
        assert_eq!((found, &*reason.code), (status, code), "{target}");
        assert!(reason.help.contains(words), "{target}: {reason:?}");
    }
    let (_, reason) = refusal(&served.path, "/v1/events?select=finding,socket").await;
    assert!(
        reason.message.contains("`socket`") && reason.message.contains("connection"),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_refusal_reaches_the_user_of_the_client() {
    let served = alone();
    let error = client::ask(&served.path, "/v1/nothing").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the daemon refuses: there is nothing at /v1/nothing"
    );
}

#[tokio::test]
async fn the_documents_of_the_program_are_served_as_they_are_generated() {
    let served = alone();
    for (target, expected) in [
        ("/v1/openapi.json", openapi()),
        (
            "/v1/event.schema.json",
            crate::output::json::schema().to_value(),
        ),
    ] {
        let (status, text) = body(&served.path, target).await;
        let found: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert!((status, found) == (200, expected), "{target}");
    }
}

#[test]
fn the_openapi_document_is_the_one_checked_in() {
    assert_file("docs/openapi.json", &format!("{:#}\n", openapi()));
}

/// Else a reader of the documentation would not find it.
#[test]
fn every_path_is_in_the_documentation_and_has_one_row() {
    let text = std::fs::read_to_string(crate::checked_in::path("docs/events.md")).unwrap();
    let paths: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
    for path in &paths {
        assert!(text.contains(&format!("`{path}")), "{path}");
        assert_eq!(paths.iter().filter(|other| *other == path).count(), 1);
    }
}
