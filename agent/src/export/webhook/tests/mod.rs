//! The webhook with real receivers: a server on loopback whose temper changes, and Alertmanager itself.

mod alertmanager;
mod signature;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::document::Told;
use super::*;
use crate::checked_in;
use crate::export::http::receiver::{Answer, Receiver};
use crate::export::{self, Exporters, State};
use crate::output::feed::{self, Feed};
use crate::output::json::About;
use crate::output::samples;
use crate::output::select::{Kind, Selection};
use finback_core::model::event::{Body, Event};
use finback_core::model::finding::Action;
use finback_core::model::incident::Incident;

/// A feed and a webhook that reads it.
struct Case {
    feed: Feed,
    exporters: Exporters,
}

fn settings(url: &str) -> Settings {
    Settings {
        endpoint: url.parse().unwrap(),
        format: Format::Finback,
        secret_file: None,
        severity: Severity::Warning,
        timeout: Duration::from_secs(10),
        docs: "https://docs.example".to_owned(),
    }
}

fn begin(settings: Settings) -> Case {
    let feed = Feed::new(samples::hello());
    let select = Selection::of([Kind::Incident]);
    let subscription = feed
        .handle()
        .subscribe(feed::Format::Json, select, export::SLOW);
    let job = job(settings, subscription.unwrap()).unwrap();
    let exporters = Exporters::spawn(vec![job]).unwrap().unwrap();
    Case { feed, exporters }
}

/// The sample of an incident at another point of its life.
fn incident(change: impl FnOnce(&mut Incident)) -> Event {
    let event = samples::incident();
    let Body::Incident(incident) = &event.body else {
        panic!("an incident")
    };
    let mut incident = (**incident).clone();
    change(&mut incident);
    Event {
        body: Body::Incident(incident.into()),
        ..event
    }
}

fn resolved() -> Event {
    incident(|incident| {
        incident.action = Action::Resolved;
        incident.severity_change = None;
        incident.connections = 0;
        incident.verdicts.clear();
    })
}

impl Case {
    fn tell(&mut self, event: &Event) {
        let about = About {
            processes: Some(samples::descriptions()),
            ..About::default()
        };
        self.feed.publish(event, samples::CLOCK, about);
        self.feed.flush();
    }

    fn state(&self) -> State {
        self.exporters.handle().states().remove(0)
    }

    /// Waits until it is so; a test that waits in vain is ended by whoever runs it.
    async fn until(&self, is_so: impl Fn(&State) -> bool) -> State {
        loop {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn end(self) -> State {
        let handle = self.exporters.handle();
        drop(self.feed);
        self.exporters
            .end(Instant::now() + Duration::from_mins(1))
            .await;
        handle.states().remove(0)
    }
}

fn url(receiver: &Receiver) -> String {
    format!("http://{}/hook", receiver.address())
}

#[tokio::test]
async fn a_document_is_the_line_with_who_says_it() {
    let mut receiver = Receiver::start().await;
    let mut case = begin(settings(&url(&receiver)));
    case.tell(&samples::incident());
    let got = receiver.got().await;
    assert_eq!(got.target, "/hook");
    assert_eq!(got.headers["content-type"], "application/json");
    assert!(!got.headers.contains_key("finback-signature"));
    let document: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(
        (&document["version"], &document["host"]),
        (&"0.1.0".into(), &"web-1".into())
    );
    let line: crate::output::json::Event<'_> = serde_json::from_slice(&got.body).unwrap();
    assert_eq!((line.schema, line.seq), (1, 1));

    let page = std::fs::read_to_string(checked_in::path("docs/export.md")).unwrap();
    let start = "<!-- example: webhook -->\n";
    let begin = page.find(start).unwrap() + start.len();
    let length = page[begin..].find("<!-- end -->").unwrap();
    let told = Told {
        version: "0.1.0",
        host: "web-1",
        event: &line,
    };
    assert_eq!(got.body, serde_json::to_vec(&told).unwrap());
    let text = serde_json::to_string_pretty(&told).unwrap();
    let mut expected = page.clone();
    expected.replace_range(begin..begin + length, &format!("```json\n{text}\n```\n"));
    checked_in::assert_file("docs/export.md", &expected);
    assert_eq!(case.end().await.delivered, 1);
}

#[tokio::test]
async fn what_a_receiver_puts_off_comes_when_it_wants_it() {
    let mut receiver = Receiver::start().await;
    let busy = Answer::Say(429, vec![("retry-after", "1")], "slow down".into());
    receiver.will([busy, Answer::status(500), Answer::status(204)]);
    let mut case = begin(settings(&url(&receiver)));
    case.tell(&samples::incident());
    let bodies = [
        receiver.got().await,
        receiver.got().await,
        receiver.got().await,
    ];
    assert!(bodies.iter().all(|got| got.body == bodies[0].body));
    let state = case.until(|state| state.delivered == 1).await;
    assert_eq!((state.retries, state.queued), (2, 0));
    assert!(
        state.failing_since.is_none() && state.dropped.is_empty(),
        "{state:?}"
    );
    assert_eq!(
        state.error.as_deref(),
        Some("the receiver answers 500 Internal Server Error")
    );
}

#[tokio::test]
async fn what_a_receiver_refuses_is_dropped_and_counted_and_the_next_goes_on() {
    let mut receiver = Receiver::start().await;
    receiver.will([Answer::status(400)]);
    let mut case = begin(settings(&url(&receiver)));
    case.tell(&samples::incident());
    case.tell(&resolved());
    receiver.got().await;
    let second: Value = serde_json::from_slice(&receiver.got().await.body).unwrap();
    assert_eq!(second["incident"]["action"], "resolved");
    let state = case.until(|state| state.delivered == 1).await;
    assert_eq!(state.dropped[&export::Reason::Refused], 1);
    assert_eq!(state.retries, 0);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_everything_when_it_is_back_but_old_numbers() {
    let gone = Receiver::start().await;
    let (address, to) = (gone.address(), url(&gone));
    drop(gone);
    let mut case = begin(settings(&to));
    case.tell(&samples::incident());
    let state = case.until(|state| state.retries > 0).await;
    assert!(state.failing_since.is_some(), "{state:?}");
    for connections in [20, 30, 40] {
        case.tell(&incident(|incident| {
            incident.severity_change = None;
            incident.connections = connections;
        }));
    }
    case.until(|state| state.queued == 2).await;
    let mut back = Receiver::at(address, None).await;
    let mut counts = Vec::new();
    for _ in 0..2 {
        let got: Value = serde_json::from_slice(&back.got().await.body).unwrap();
        counts.push(got["incident"]["connections"].as_u64().unwrap());
    }
    assert_eq!(counts, [14, 40]);
    let state = case.until(|state| state.delivered == 2).await;
    assert!(state.dropped.is_empty(), "{state:?}");
}

#[tokio::test]
async fn a_receiver_that_is_slow_is_not_waited_for_longer_than_the_timeout() {
    let mut receiver = Receiver::start().await;
    receiver.will([Answer::Silence, Answer::HangUp]);
    let mut case = begin(Settings {
        timeout: Duration::from_millis(100),
        ..settings(&url(&receiver))
    });
    case.tell(&samples::incident());
    let state = case.until(|state| state.delivered == 1).await;
    assert!((1..=2).contains(&state.retries), "{state:?}");
    receiver.got().await;
}

#[tokio::test]
async fn incidents_below_the_threshold_are_not_told() {
    let mut receiver = Receiver::start().await;
    let mut case = begin(Settings {
        severity: Severity::Critical,
        ..settings(&url(&receiver))
    });
    case.tell(&samples::incident());
    case.tell(&resolved());
    assert_eq!(case.end().await.delivered, 0);
    assert!(receiver.try_got().is_none());
}

#[test]
fn a_secret_is_a_file_that_only_root_can_have_written_and_only_root_can_read() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let own = rustix::process::geteuid().as_raw();
    let read = |path: &Path| {
        Secret::read_of(path, own)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let write = |text: &str, mode| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("0123456789abcdef\n", 0o600);
    assert_eq!(read(&path), Ok(()));
    let refused = Secret::read_of(&path, own + 1).unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with(&format!("belongs to user {own}, not to root")),
        "{refused}"
    );
    assert!(Error::HELP.contains("openssl rand"));
    for (text, mode, why) in [
        (
            "0123456789abcdef\n",
            0o640,
            "others may use it: mode 640, not 600",
        ),
        (
            "0123456789abcdef\n",
            0o604,
            "others may use it: mode 604, not 600",
        ),
        ("0123456789abcde\n", 0o600, "has 15 bytes, too few"),
        (&"x".repeat(5000), 0o600, "has more than 4096 bytes"),
    ] {
        write(text, mode);
        let refused = read(&path).unwrap_err();
        assert!(refused.ends_with(why), "{refused}");
    }
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(read(&link).unwrap_err().contains("cannot be read: "));
    assert!(read(dir.path()).unwrap_err().ends_with("is no file"));
    assert!(
        read(&dir.path().join("none"))
            .unwrap_err()
            .contains("No such file")
    );
}

#[test]
fn a_secret_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = signature::secret(dir.path());
    let own = rustix::process::geteuid().as_raw();
    let secret = Secret::read_of(&path, own).unwrap();
    assert_eq!(format!("{secret:?}"), "Secret");
}
