//! The thread, with a feed and without a kernel.

use tokio::time::Instant;

use super::*;
use crate::output::feed::{Feed, Format};
use crate::output::json::About as Known;
use crate::output::samples;
use crate::output::select::{Kind, Selection};

fn keeper(feed: &Feed, place: &Place) -> Keeper {
    let select = Selection::of([Kind::Transition]);
    let subscription = feed.handle().subscribe(Format::Json, select, SLOW).unwrap();
    Keeper::spawn(place.clone(), subscription).unwrap()
}

fn far() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

fn tell(feed: &mut Feed, count: u64) {
    for _ in 0..count {
        feed.publish(&samples::transition(), samples::CLOCK, Known::default());
    }
    feed.flush();
}

fn kinds(path: &Path) -> Vec<(String, u64)> {
    let lines = read(path, Range::default(), Box::new(|_| true)).unwrap();
    let lines = lines.map(|line| line.map(|line| (line.kind.into(), line.seq)));
    lines.collect::<Result<_, _>>().unwrap()
}

/// The samples are of 2026: nothing of them is too old for a day or two.
fn for_ever(dir: &TempDir) -> Place {
    Place {
        max_age: Duration::from_hours(24 * 365 * 100),
        ..place(dir)
    }
}

#[tokio::test]
async fn what_was_told_is_found_after_a_flush_while_it_goes_on_and_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let place = for_ever(&dir);
    let mut feed = Feed::new(samples::hello());
    let keeper = keeper(&feed, &place);
    let handle = keeper.handle();
    tell(&mut feed, 3);
    handle.flush().await;
    let told = |last: u64| {
        let hello = std::iter::once(("hello".to_owned(), 0));
        let lines = (1..=last).map(|seq| ("transition".to_owned(), seq));
        hello.chain(lines).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&place.path), told(3));
    assert_eq!(handle.statistics().written(), 4);
    assert!(handle.statistics().bytes() > 0);
    tell(&mut feed, 2);
    drop(feed);
    keeper.end(far()).await;
    assert_eq!(kinds(&place.path), told(5));
    assert_eq!(handle.statistics().dropped(), 0);
}

#[tokio::test]
async fn lines_are_those_of_the_stream_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let place = for_ever(&dir);
    let mut feed = Feed::new(samples::hello());
    let mut live = feed
        .handle()
        .subscribe(Format::Json, Selection::of([Kind::Transition]), SLOW)
        .unwrap();
    let keeper = keeper(&feed, &place);
    tell(&mut feed, 5);
    drop(feed);
    keeper.end(far()).await;
    live.next().await.unwrap();
    let live = live.next().await.unwrap();
    let kept = read(&place.path, Range::default(), Box::new(|line| line.seq > 0)).unwrap();
    let kept: Vec<u8> = kept.flat_map(|line| line.unwrap().text).collect();
    assert_eq!(kept, live);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_costs_the_history_only() {
    let dir = tempfile::tempdir().unwrap();
    let place = for_ever(&dir);
    fs::write(&place.path, "precious").unwrap();
    let mut feed = Feed::new(samples::hello());
    let keeper = keeper(&feed, &place);
    let handle = keeper.handle();
    tell(&mut feed, 3);
    // Nobody answers, and nobody waits.
    handle.flush().await;
    drop(feed);
    keeper.end(far()).await;
    let error = handle.statistics().error().unwrap();
    assert!(error.contains("it is no folder"), "{error}");
    assert_eq!(fs::read_to_string(&place.path).unwrap(), "precious");
}
