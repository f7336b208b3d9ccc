//! Streams that begin in the past.

use std::time::Duration;

use super::*;
use crate::history::{Keeper, Place};
use crate::output::select::{Kind, Selection};

fn tell(feed: &mut Feed, count: usize) {
    for _ in 0..count {
        feed.publish(&samples::transition(), samples::CLOCK, Described::default());
    }
    feed.flush();
}

/// Types and numbers of lines.
fn told(lines: &Bytes) -> Vec<String> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word =
        |line: serde_json::Value| format!("{} {}", line["type"].as_str().unwrap(), line["seq"]);
    lines.map(word).collect()
}

/// A history of three lines of a daemon before, and of two of this one.
#[tokio::test]
async fn a_stream_that_begins_in_the_past_has_no_gap_and_no_line_twice() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place {
        path: dir.path().join("history"),
        max_bytes: 1 << 20,
        max_age: Duration::from_hours(24 * 365 * 100),
    };
    let select = Selection::of([Kind::Transition]);
    let keep = |feed: &Feed| {
        let subscription = feed.handle().subscribe(Format::Json, select, SLOW);
        Keeper::spawn(place.clone(), subscription.unwrap()).unwrap()
    };
    let far = || tokio::time::Instant::now() + Duration::from_mins(10);
    let mut before = Feed::new(samples::hello());
    let keeper = keep(&before);
    tell(&mut before, 3);
    drop(before);
    keeper.end(far()).await;

    let mut feed = Feed::new(samples::hello());
    let keeper = keep(&feed);
    let (queries, asked) = mpsc::channel(QUERIES);
    let served = Served::with(queries, Past::new(Some(keeper.handle())));
    tokio::spawn(welcome(asked, feed.handle()));
    tell(&mut feed, 2);
    let stream = client::get(&served.path, "/v1/events?select=transition&last=5");
    let stream = stream.await.unwrap();
    tell(&mut feed, 2);
    drop(feed);
    let lines = stream.into_body().collect().await.unwrap().to_bytes();
    let expected = [
        "transition 2",
        "transition 3",
        "hello 0",
        "transition 1",
        "transition 2",
        "hello 2",
        "transition 3",
        "transition 4",
    ];
    assert_eq!(told(&lines), expected);
    keeper.end(far()).await;

    let (status, lines) = body(&served.path, "/v1/events?last=1&follow=false").await;
    assert_eq!(
        (status, told(&lines)),
        (200, vec!["transition 4".to_owned()])
    );
    let (status, lines) = body(&served.path, "/v1/events?until=2020-01-01").await;
    assert_eq!((status, told(&lines)), (200, vec![]));
    let (status, reason) = refusal(&served.path, "/v1/events?since=soon").await;
    assert!(
        status == 400 && reason.message.contains("how long ago"),
        "{}",
        reason.message
    );
}

#[tokio::test]
async fn where_no_history_is_kept_that_is_said() {
    let (queries, _asked) = mpsc::channel(QUERIES);
    let served = Served::new(queries);
    let (status, reason) = refusal(&served.path, "/v1/events?last=1&follow=false").await;
    assert_eq!((status, &*reason.code), (404, "no_history"));
}
