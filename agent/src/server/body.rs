//! Bodies of answers: all at once, or lines as they come.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Receiver;

use crate::output::feed::Subscription;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// All at once.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// Lines as they come, in pieces.
pub(super) fn lines(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece)))).boxed_unsync()
}

/// What is past, then the feed until it ends or the reader goes, who holds a place for as long.
pub(super) fn subscription(
    before: Option<Receiver<Bytes>>,
    live: Option<(Subscription, OwnedSemaphorePermit)>,
) -> Body {
    let before = stream::unfold(before, |mut lines| async {
        Some((lines.as_mut()?.recv().await?, lines))
    });
    let live = stream::unfold(live, |mut live| async {
        let (from, _place) = live.as_mut()?;
        Some((from.next().await?, live))
    });
    lines(before.chain(live))
}
