use super::channel::CHUNK_BYTES;
use super::*;
use crate::output::samples;
use crate::output::select::Kind;
use finback_core::model::finding::Action;

fn feed() -> Feed {
    Feed::new(samples::hello())
}

fn publish(feed: &mut Feed) -> u64 {
    feed.publish(&samples::transition(), samples::CLOCK, About::default())
}

/// The lines, as (type, seq).
fn lines(bytes: &[u8]) -> Vec<(String, u64)> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            (
                value["type"].as_str().unwrap().to_owned(),
                value["seq"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn numbers_run_on_from_hello_for_early_and_late_subscribers() {
    let mut feed = feed();
    let mut early = feed
        .handle()
        .subscribe(Format::Json, Selection::stream(), "slow")
        .unwrap();
    assert_eq!(
        lines(&early.blocking_next().unwrap()),
        [("hello".into(), 0)]
    );
    publish(&mut feed);
    publish(&mut feed);
    feed.flush();
    let both = lines(&early.blocking_next().unwrap());
    assert_eq!(both, [("transition".into(), 1), ("transition".into(), 2)]);

    let mut late = feed
        .handle()
        .subscribe(Format::Json, Selection::stream(), "slow")
        .unwrap();
    assert_eq!(lines(&late.blocking_next().unwrap()), [("hello".into(), 2)]);
    publish(&mut feed);
    feed.flush();
    for reader in [&mut early, &mut late] {
        assert_eq!(
            lines(&reader.blocking_next().unwrap()),
            [("transition".into(), 3)]
        );
        assert_eq!(reader.try_next(), None);
    }
}

#[test]
fn a_slow_reader_is_told_how_many_lines_it_missed() {
    let mut feed = feed();
    let mut slow = feed
        .handle()
        .subscribe(Format::Json, Selection::stream(), "subscriber_slow")
        .unwrap();
    drop(slow.blocking_next());
    let sent = CHUNKS as u64 + 100;
    for _ in 0..sent {
        publish(&mut feed);
        feed.flush();
    }
    let first = slow.blocking_next().unwrap();
    let text = std::str::from_utf8(&first).unwrap();
    let lost: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let records = lost["lost"]["records"].as_u64().unwrap();
    assert_eq!(lost["lost"]["reason"], "subscriber_slow");
    assert!(records >= 100);
    let mut next = lost["seq"].as_u64().unwrap() + 1;
    assert_eq!(next, records + 1);
    let mut rest = lines(text.split_once('\n').unwrap().1.as_bytes());
    while let Some(chunk) = slow.try_next() {
        rest.extend(lines(&chunk));
    }
    for (_, seq) in rest {
        assert_eq!(seq, next);
        next += 1;
    }
    assert_eq!(next, sent + 1);
}

#[test]
fn without_readers_events_are_only_counted() {
    let mut feed = feed();
    for _ in 0..10 {
        publish(&mut feed);
    }
    assert!(feed.channels.is_empty());
    feed.flush();
    assert_eq!(feed.handle().sent(), 10);
}

#[test]
fn the_end_of_the_feed_comes_after_its_last_line() {
    let mut feed = feed();
    let handle = feed.handle();
    let mut reader = handle
        .subscribe(Format::Json, Selection::stream(), "slow")
        .unwrap();
    publish(&mut feed);
    feed.flush();
    drop(feed);
    assert!(
        handle
            .subscribe(Format::Json, Selection::stream(), "slow")
            .is_none()
    );
    assert_eq!(
        lines(&reader.blocking_next().unwrap()),
        [("hello".into(), 0)]
    );
    assert_eq!(
        lines(&reader.blocking_next().unwrap()),
        [("transition".into(), 1)]
    );
    assert_eq!(reader.blocking_next(), None);
}

#[test]
fn a_large_batch_is_sent_in_pieces() {
    let mut feed = feed();
    let mut reader = feed
        .handle()
        .subscribe(Format::Json, Selection::stream(), "slow")
        .unwrap();
    for _ in 0..1000 {
        publish(&mut feed);
    }
    feed.flush();
    drop(reader.blocking_next());
    let mut count = 0;
    while let Some(chunk) = reader.try_next() {
        assert!(chunk.len() < 2 * CHUNK_BYTES);
        count += lines(&chunk).len();
    }
    assert_eq!(count, 1000);
}

/// Decoding, tracking and encoding must keep up with 1 M events/s together; encoding may have half of it.
#[test]
#[ignore = "measures: cargo test --release --lib a_transition_is_encoded -- --ignored --nocapture"]
fn a_transition_is_encoded_and_sent_in_half_a_microsecond() {
    const EVENTS: u32 = 1_000_000;
    let mut feed = feed();
    let event = samples::transition();
    let mut readers = Vec::new();
    for count in [1, 8] {
        readers.resize_with(count, || {
            feed.handle()
                .subscribe(Format::Json, Selection::stream(), "slow")
                .unwrap()
        });
        let start = cpu_time();
        for number in 0..EVENTS {
            feed.publish(&event, samples::CLOCK, About::default());
            if number % 64 == 0 {
                feed.flush();
            }
        }
        let each = cpu_time().saturating_sub(start) / EVENTS;
        println!("{count} subscribed: {each:?} per transition");
        assert!(each < std::time::Duration::from_nanos(500), "{each:?}");
    }
}

/// Of this thread: other tests may run beside it.
fn cpu_time() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::try_from(now).unwrap()
}

#[test]
fn each_reader_gets_what_it_has_selected_and_numbers_show_the_rest() {
    let mut feed = feed();
    let findings = Selection::of([Kind::Finding]);
    let mut reader = feed
        .handle()
        .subscribe(Format::Json, findings, "slow")
        .unwrap();
    assert_eq!(feed.wanted(), findings);
    let mut all = feed
        .handle()
        .subscribe(Format::Json, Selection::stream(), "slow")
        .unwrap();
    assert!(feed.wanted().needs_stream());
    publish(&mut feed);
    feed.publish(
        &samples::finding(Action::Opened),
        samples::CLOCK,
        About::default(),
    );
    publish(&mut feed);
    feed.flush();
    drop((reader.blocking_next(), all.blocking_next()));
    assert_eq!(
        lines(&reader.blocking_next().unwrap()),
        [("finding".into(), 2)]
    );
    assert_eq!(lines(&all.blocking_next().unwrap()).len(), 3);
    drop(all);
    assert_eq!(feed.wanted(), findings);
}
