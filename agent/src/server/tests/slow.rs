//! A reader that does not read is no concern of anybody else.

use std::collections::BTreeSet;

use hyper::body::Incoming;

use super::*;

const LINES: u64 = 100_000;

/// Fewer bytes than the feed keeps for who is slow: a reader that reads never is.
const BATCH: u64 = 1_000;

/// Numbers of the lines, and how many were lost, said in order.
#[derive(Default)]
struct Read {
    rest: Vec<u8>,
    lines: BTreeSet<u64>,
    lost: u64,
}

impl Read {
    fn take(&mut self, data: &[u8]) {
        self.rest.extend_from_slice(data);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = self.rest.split_off(end + 1);
        for line in std::mem::replace(&mut self.rest, rest).split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                self.line(&serde_json::from_slice(line).unwrap());
            }
        }
    }

    fn line(&mut self, line: &serde_json::Value) {
        let seq = line["seq"].as_u64().unwrap();
        match line["type"].as_str().unwrap() {
            "transition" => assert!(self.lines.insert(seq)),
            "lost" => {
                assert_eq!(line["lost"]["reason"], SLOW);
                self.lost += line["lost"]["records"].as_u64().unwrap();
                // It stands in the place of what is missing.
                assert_eq!(self.lines.len() as u64 + self.lost, seq);
            }
            kind => assert_eq!(kind, "hello"),
        }
    }

    /// Reads until `lines` have come, or the end.
    async fn until(&mut self, body: &mut Incoming, lines: u64) {
        while (self.lines.len() as u64) < lines {
            let Some(frame) = body.frame().await else {
                return;
            };
            self.take(frame.unwrap().data_ref().unwrap());
        }
    }
}

#[tokio::test]
async fn a_slow_subscriber_delays_neither_another_one_nor_the_feed() {
    let mut feed = Feed::new(samples::hello());
    let served = Served::streaming(&feed);
    let ask = || client::ask(&served.path, "/v1/events");
    let mut slow = ask().await.unwrap().into_body();
    let mut fast = ask().await.unwrap().into_body();
    let event = samples::transition();
    let mut read = Read::default();
    for batch in 1..=LINES / BATCH {
        // No await: nothing that a reader does, or does not, can hold this up.
        for _ in 0..BATCH {
            feed.publish(&event, samples::CLOCK, Described::default());
        }
        feed.flush();
        read.until(&mut fast, batch * BATCH).await;
    }
    assert_eq!((read.lines.len() as u64, read.lost), (LINES, 0));

    drop(feed);
    let mut late = Read::default();
    late.until(&mut slow, LINES).await;
    assert!(late.lost > 0 && late.rest.is_empty());
    assert_eq!(late.lines.len() as u64 + late.lost, LINES);
    assert_eq!(
        late.lines.last(),
        Some(&LINES),
        "what was lost is in the middle"
    );
}
