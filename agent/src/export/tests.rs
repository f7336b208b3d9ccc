//! Exporters with a feed and without a kernel.

use std::sync::mpsc;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::output::feed::{Feed, Format, Subscription};
use crate::output::json::{About, Body, Event};
use crate::output::samples;
use crate::output::select::{Kind, Selection};

/// Keeps the types of lines.
struct Types;

struct Type(String);

impl Parcel for Type {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Packer for Types {
    type Parcel = Type;

    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Type>) {
        let name = if let Body::Hello { hello } = &event.body {
            format!("hello of {}", hello.host)
        } else if let Body::Incident { incident, .. } = &event.body {
            format!("incident {}", incident.id)
        } else {
            panic!("{event:?} was not asked for")
        };
        outbox.push(Type(name));
    }
}

struct To(mpsc::Sender<String>);

impl Carrier<Type> for To {
    async fn deliver(&mut self, batch: &[Type]) -> Answer {
        for parcel in batch {
            if self.0.send(parcel.0.clone()).is_err() {
                return Answer::later("nobody is there");
            }
        }
        Answer::Delivered
    }
}

/// Never answers.
struct Stuck;

impl Carrier<Type> for Stuck {
    async fn deliver(&mut self, _: &[Type]) -> Answer {
        std::future::pending().await
    }
}

fn subscribe(feed: &Feed) -> Subscription {
    let select = Selection::of([Kind::Incident]);
    feed.handle().subscribe(Format::Json, select, SLOW).unwrap()
}

fn spawn(feed: &Feed, carrier: impl Carrier<Type>) -> Exporters {
    let job = Job::new("test", subscribe(feed), Limits::default(), Types, carrier);
    Exporters::spawn(vec![job]).unwrap().unwrap()
}

fn tell(feed: &mut Feed) {
    feed.publish(&samples::incident(), samples::CLOCK, About::default());
    feed.publish(&samples::transition(), samples::CLOCK, About::default());
    feed.flush();
}

fn far() -> Instant {
    Instant::now() + Duration::from_mins(10)
}

const TOLD: [&str; 2] = ["hello of web-1", "incident 1c5f0d5e8a534c3b"];

#[tokio::test]
async fn everything_that_was_told_before_the_feed_s_end_arrives() {
    let mut feed = Feed::new(samples::hello());
    let (to, arrived) = mpsc::channel();
    let exporters = spawn(&feed, To(to));
    tell(&mut feed);
    drop(feed);
    let handle = exporters.handle();
    exporters.end(far()).await;
    assert_eq!(arrived.iter().collect::<Vec<_>>(), TOLD);
    let [state] = &handle.states()[..] else {
        panic!("one exporter")
    };
    assert_eq!((state.name, state.delivered, state.queued), ("test", 2, 0));
}

#[tokio::test]
async fn they_can_be_ended_while_the_feed_goes_on() {
    let mut feed = Feed::new(samples::hello());
    let (to, arrived) = mpsc::channel();
    let exporters = spawn(&feed, To(to));
    tell(&mut feed);
    exporters.end(far()).await;
    assert_eq!(arrived.iter().collect::<Vec<_>>(), TOLD);
    assert_eq!(feed.handle().subscribers(), 0);
}

#[tokio::test]
async fn a_receiver_that_never_answers_keeps_nobody_from_ending() {
    let mut feed = Feed::new(samples::hello());
    let exporters = spawn(&feed, Stuck);
    tell(&mut feed);
    drop(feed);
    let handle = exporters.handle();
    exporters
        .end(Instant::now() + Duration::from_millis(50))
        .await;
    assert_eq!(handle.states()[0].delivered, 0);
}

#[tokio::test]
async fn they_cost_no_transition() {
    let feed = Feed::new(samples::hello());
    let exporters = spawn(&feed, Stuck);
    assert!(!feed.wanted().needs_stream());
    drop(exporters);
}

#[test]
fn without_any_there_is_no_thread() {
    assert!(Exporters::spawn(Vec::new()).unwrap().is_none());
}

#[test]
fn what_has_reached_the_threshold_is_told_until_it_is_over() {
    use finback_core::model::finding::Severity;

    let mut threshold = Threshold::new(Severity::Warning);
    let mut pass = |severity: &str, action: &str| {
        let event = samples::incident_line(|line| {
            line["incident"]["severity"] = severity.into();
            line["incident"]["action"] = action.into();
        });
        let Body::Incident { incident, .. } = event.body else {
            panic!("an incident")
        };
        threshold.pass(&incident)
    };
    for (severity, action, passage) in [
        ("info", "opened", Passage::Below),
        ("warning", "updated", Passage::Reached),
        ("critical", "updated", Passage::Reached),
        ("info", "updated", Passage::Left),
        ("info", "updated", Passage::Below),
        ("warning", "updated", Passage::Reached),
        ("warning", "resolved", Passage::Left),
        ("warning", "resolved", Passage::Below),
        ("info", "opened", Passage::Below),
        ("info", "resolved", Passage::Below),
    ] {
        assert_eq!(pass(severity, action), passage, "{severity} {action}");
    }
}
