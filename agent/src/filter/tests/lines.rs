//! Lines that filters are tried on: the samples of the stream, and sockets of a list.

use crate::output::json::Event;
use crate::output::samples;

/// Sockets as a look lists them, with a name each.
const SOCKETS: [(&str, &str); 5] = [
    ("leak", include_str!("lines/leak.json")),
    ("pooled", include_str!("lines/pooled.json")),
    ("listener", include_str!("lines/listener.json")),
    ("ipv6", include_str!("lines/ipv6.json")),
    ("time_wait", include_str!("lines/time_wait.json")),
];

/// Every line, with its name.
pub(super) fn lines() -> Vec<(&'static str, Event<'static>)> {
    let sockets = SOCKETS.map(|(name, json)| (name, serde_json::from_str(json).unwrap()));
    // What a command prints of itself is no line of the stream.
    let mut lines = samples::wire();
    lines.retain(|(name, _)| *name != "destroyed");
    lines.extend(sockets);
    lines
}
