//! The outbox with receivers of every temper. Time is tokio's: nothing here waits for a real clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::*;

impl Parcel for u32 {
    /// As large as it says.
    fn bytes(&self) -> usize {
        usize::try_from(*self / 1000).unwrap()
    }

    fn replaces(&self, waiting: &Self) -> bool {
        self.is_multiple_of(100) && self == waiting
    }
}

/// Answers in turn, then takes everything. Tells what was brought to it.
struct Script(VecDeque<Answer>, Sender<Vec<u32>>);

impl Carrier<u32> for Script {
    async fn deliver(&mut self, batch: &[u32]) -> Answer {
        self.1.send(batch.to_vec()).await.unwrap();
        self.0.pop_front().unwrap_or(Answer::Delivered)
    }
}

struct Case {
    outbox: Outbox<u32>,
    status: Arc<Status>,
    brought: Receiver<Vec<u32>>,
    task: JoinHandle<()>,
}

/// Room for one that was brought and not looked at: the receiver then takes its time.
fn begin(limits: Limits, answers: impl IntoIterator<Item = Answer>) -> Case {
    let status = Arc::new(Status::new("test"));
    let outbox = Outbox::new(limits, Arc::clone(&status));
    let (told, brought) = mpsc::channel(1);
    let script = Script(answers.into_iter().collect(), told);
    let task = tokio::spawn(deliver(outbox.clone(), script));
    Case {
        outbox,
        status,
        brought,
        task,
    }
}

impl Case {
    async fn brought(&mut self) -> Vec<u32> {
        self.brought.recv().await.unwrap()
    }

    /// Ends it, and gives back what was brought until then.
    async fn rest(mut self) -> (Vec<Vec<u32>>, State) {
        self.outbox.close();
        let mut rest = Vec::new();
        while let Some(batch) = self.brought.recv().await {
            rest.push(batch);
        }
        self.task.await.unwrap();
        (rest, self.status.state())
    }
}

fn limits() -> Limits {
    Limits {
        count: 5,
        bytes: 100,
        batch: 2,
        batch_bytes: 10,
        ..Limits::default()
    }
}

fn dropped(state: &State) -> Vec<(&'static str, u64)> {
    let reasons = state.dropped.iter();
    reasons
        .map(|(reason, count)| (reason.name(), *count))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_put_in_arrives_in_its_order_as_many_at_once_as_may_be() {
    let mut case = begin(limits(), []);
    for parcel in [1, 2, 6_003, 6_004, 60_005] {
        case.outbox.push(parcel);
    }
    assert_eq!(case.brought().await, [1, 2]);
    assert_eq!(case.brought().await, [6_003]);
    let (rest, state) = case.rest().await;
    assert_eq!(rest, [vec![6_004], vec![60_005]]);
    assert_eq!(
        (state.delivered, state.queued, state.queued_bytes),
        (5, 0, 0)
    );
    assert_eq!((state.retries, dropped(&state)), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_take_any_costs_the_oldest_that_wait_and_no_more_room() {
    let case = begin(limits(), []);
    // The first two go to the receiver's table, the next two to its hands.
    for parcel in 1..=4 {
        case.outbox.push(parcel);
        tokio::task::yield_now().await;
    }
    for parcel in 5..=20 {
        case.outbox.push(parcel);
    }
    assert!(case.status.state().queued <= 5);
    let (rest, state) = case.rest().await;
    let rest = rest.concat();
    assert!(
        rest.starts_with(&[1]) && rest.ends_with(&[18, 19, 20]),
        "{rest:?}"
    );
    let lost = state.dropped[&Reason::Full];
    assert_eq!(state.delivered + lost, 20);
    assert!(lost >= 10, "{lost}");
}

#[tokio::test(start_paused = true)]
async fn bytes_count_as_well() {
    let case = begin(limits(), []);
    for parcel in [40_001, 40_002, 40_003] {
        case.outbox.push(parcel);
    }
    assert!(case.status.state().queued_bytes <= 100);
    let (rest, state) = case.rest().await;
    assert_eq!(rest, [[40_002], [40_003]]);
    assert_eq!(dropped(&state), [("full", 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_a_newer_one_replaces_is_not_sent() {
    let case = begin(limits(), []);
    for parcel in [1, 300, 2, 300] {
        case.outbox.push(parcel);
    }
    let (rest, state) = case.rest().await;
    assert_eq!(rest, [vec![1, 2], vec![300]]);
    assert_eq!((state.delivered, dropped(&state)), (3, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_tried_again_less_and_less_often_until_it_is_back() {
    let mut case = begin(limits(), vec![Answer::later("connection refused"); 4]);
    case.outbox.push(1);
    let begun = Instant::now();
    let mut waits = Vec::new();
    for _ in 0..5 {
        assert_eq!(case.brought().await, [1]);
        waits.push(begun.elapsed());
    }
    for (due, waits) in [1, 2, 4, 8].into_iter().zip(waits.windows(2)) {
        let wait = waits[1].saturating_sub(waits[0]);
        let due = Duration::from_secs(due);
        // The paused clock goes in steps of a millisecond.
        assert!(
            wait >= due / 2 && wait <= due + Duration::from_millis(2),
            "{wait:?}"
        );
    }
    let (_, state) = case.rest().await;
    assert_eq!((state.delivered, state.retries), (1, 4));
    assert_eq!(state.failing_since, None);
    assert_eq!(state.error.as_deref(), Some("connection refused"));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_names_a_time_is_left_alone_until_then() {
    let asked = Duration::from_mins(2);
    let later = Answer::Later {
        after: Some(asked),
        why: "429 Too Many Requests".to_owned(),
    };
    let mut case = begin(limits(), [later]);
    case.outbox.push(1);
    case.brought().await;
    let begun = Instant::now();
    tokio::task::yield_now().await;
    let state = case.status.state();
    assert!(state.failing_since.is_some(), "{state:?}");
    assert_eq!((state.retries, state.queued), (1, 1));
    case.brought().await;
    assert!(begun.elapsed() >= asked);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_for_too_long_is_dropped_and_counted_and_the_next_goes_on() {
    let mut case = begin(limits(), vec![Answer::later("no route to host"); 1000]);
    case.outbox.push(1);
    while case.status.state().dropped.is_empty() {
        tokio::select! {
            batch = case.brought() => assert_eq!(batch, [1]),
            () = tokio::time::sleep(Duration::from_mins(1)) => {}
        }
    }
    let state = case.status.state();
    assert_eq!(dropped(&state), [("expired", 1)]);
    assert_eq!(state.queued, 0);
    case.outbox.push(2);
    assert_eq!(case.brought().await, [2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_refuses_is_not_tried_again() {
    let partly = Answer::Partly {
        refused: 1,
        why: "too old".to_owned(),
    };
    let mut case = begin(limits(), [Answer::refused("400: no such tenant"), partly]);
    for parcel in 1..=4 {
        case.outbox.push(parcel);
    }
    assert_eq!(case.brought().await, [1, 2]);
    assert_eq!(case.brought().await, [3, 4]);
    let (rest, state) = case.rest().await;
    assert!(rest.is_empty());
    assert_eq!((state.delivered, state.retries), (1, 0));
    assert_eq!(dropped(&state), [("refused", 3)]);
    assert_eq!(state.error.as_deref(), Some("too old"));
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_after_one_more_try_however_long_the_wait_would_be() {
    let later = || Answer::Later {
        after: Some(Duration::from_hours(1)),
        why: "busy".to_owned(),
    };
    let mut case = begin(limits(), [later(), later(), later()]);
    case.outbox.push(1);
    case.brought().await;
    let begun = Instant::now();
    let (rest, state) = case.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(rest, [[1]]);
    assert_eq!(dropped(&state), [("ended", 1)]);
}

#[test]
fn an_error_is_short_and_moves_no_cursor() {
    let status = Status::new("test");
    status.failed(&format!("500: \x1b[2J{}", "page ".repeat(1000)));
    let error = status.state().error.unwrap();
    assert!(error.starts_with("500: ?[2Jpage "), "{error}");
    assert!(error.len() <= 300);
}

#[test]
fn reasons_are_named_alike_in_json_and_metrics() {
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}
