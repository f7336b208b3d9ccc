//! The OpenAPI document: the table of paths as other programs read it.

use serde_json::{Map, Value, json};

use super::parameter::Parameter;
use super::table::{ROUTES, Route};
use crate::refusal::Refusal;

/// The document.
pub fn document() -> Value {
    let paths: Map<_, _> = ROUTES
        .iter()
        .map(|route| (route.path.to_owned(), json!({"get": operation(route)})))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "finback",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running daemon knows. It listens on a Unix socket, by default \
                            /run/finback/finback.sock, which only its owner may connect to. A request that cannot be \
                            read at all is answered by its status alone.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "http://localhost"}],
        "paths": paths,
        "components": {
            "responses": {
                "refusal": {
                    "description": "Not done: what is wrong, and what to do about it",
                    "content": {"application/json": {"schema": refusal()}},
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<_> = route.parameters.iter().copied().map(parameter).collect();
    json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "Done",
                "content": {route.content.media: {"schema": (route.content.schema)()}},
            },
            "default": {"$ref": "#/components/responses/refusal"},
        },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "example": parameter.example,
        "schema": {"type": "string"},
    })
}

/// Without what only a schema that stands alone needs.
fn refusal() -> Value {
    let mut schemas = schemars::generate::SchemaSettings::draft2020_12();
    schemas.inline_subschemas = true;
    schemas.meta_schema = None;
    schemas
        .into_generator()
        .into_root_schema_for::<Refusal>()
        .into()
}
