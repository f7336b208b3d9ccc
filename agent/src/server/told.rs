//! What was told in the past: each finding and incident as it was told last.

use bytes::{BufMut as _, Bytes, BytesMut};
use hyper::StatusCode;
use tokio::sync::mpsc::Receiver;

use super::refused::Refused;
use crate::filter::Filter;
use crate::history::Latest;
use crate::output::json::Event;

/// Lines of one answer, bytes.
const MOST: usize = 64 << 20;

/// What becomes of lines as the history has them.
pub(super) async fn latest(mut lines: Receiver<Bytes>) -> Result<Latest, Refused> {
    let mut latest = Latest::default();
    while let Some(chunk) = lines.recv().await {
        chunk
            .split_inclusive(|byte| *byte == b'\n')
            .for_each(|line| latest.add(line));
        if latest.bytes() > MOST {
            return Err(too_much());
        }
    }
    Ok(latest)
}

/// As a list of that name, of those that the filter selects.
pub(super) fn document(name: &str, latest: &Latest, filter: Option<&Filter>) -> Bytes {
    let selects = |filter: &Filter, line: &[u8]| {
        serde_json::from_slice::<Event<'_>>(line).is_ok_and(|event| filter.selects(&event))
    };
    let lines = latest.lines().map(|line| line.trim_ascii_end());
    let lines = lines.filter(|line| filter.is_none_or(|filter| selects(filter, line)));
    let mut out = BytesMut::new();
    out.extend_from_slice(format!("{{\"{name}\":[").as_bytes());
    for (at, line) in lines.enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b"]}\n");
    out.freeze()
}

fn too_much() -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_much",
        format!("the history has more than {} MiB of this", MOST >> 20),
        "ask for a shorter time with since and until, or for the lines with /v1/events",
    )
}
