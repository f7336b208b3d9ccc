//! The way to a collector, a real server of HTTP.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use tokio::time::Instant;

use super::super::{Collector, Logs, Metrics, Record};
use super::{host, lines, of};
use crate::export::http::receiver::{Answer as Said, Authority, Got, Receiver};
use crate::export::http::{Client, Identity, Options, TlsFiles};
use crate::export::{Answer, Carrier as _, Exporters, Job, Limits, Reason, SLOW, State};
use crate::metrics::family::{Family, Kind};
use crate::output::feed::{Feed, Format};
use crate::output::json::About;
use crate::output::samples;
use crate::output::select::{Kind as Line, Selection};

fn records() -> Vec<Record> {
    let lines = lines("finding");
    lines.iter().map(|line| of(line).into()).collect()
}

fn collector(receiver: &Receiver, scheme: &str, options: Options) -> Collector {
    let endpoint = format!("{scheme}://{}", receiver.address());
    let client = Client::new(endpoint.parse().unwrap(), options);
    Collector::new(client, Arc::new(host()))
}

/// The body, unpacked.
fn body(got: &Got) -> Vec<u8> {
    assert_eq!(got.headers["content-type"], "application/x-protobuf");
    match got.headers.get("content-encoding") {
        None => got.body.to_vec(),
        Some(packed) => {
            assert_eq!(packed, "gzip");
            let mut body = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(&*got.body);
            decoder.read_to_end(&mut body).unwrap();
            body
        }
    }
}

/// Names of the records in a request.
fn names(got: &Got) -> Vec<String> {
    assert_eq!(got.target, "/v1/logs");
    let request = ExportLogsServiceRequest::decode(&*body(got)).unwrap();
    let records = request.resource_logs.into_iter().flat_map(|resource| {
        let scopes = resource.scope_logs.into_iter();
        scopes.flat_map(|scope| scope.log_records)
    });
    records.map(|record| record.event_name).collect()
}

#[tokio::test]
async fn records_arrive_together_and_packed() {
    let mut receiver = Receiver::start().await;
    let mut collector = collector(&receiver, "http", Options::default());
    let records = records();
    assert_eq!(collector.deliver(&records).await, Answer::Delivered);
    let got = receiver.got().await;
    assert_eq!(names(&got), vec!["finback.finding"; records.len()]);
    assert_eq!(got.headers["content-encoding"], "gzip");
    assert!(got.body.len() < body(&got).len() / 2);
}

#[tokio::test]
async fn an_answer_says_what_has_become_of_them() {
    let receiver = Receiver::start().await;
    let partial = |rejected_log_records, error_message: &str| {
        let response = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records,
                error_message: error_message.to_owned(),
            }),
        };
        Said::Say(200, Vec::new(), response.encode_to_vec().into())
    };
    receiver.will([
        partial(0, ""),
        partial(0, "deprecated"),
        partial(2, "too\u{7} old"),
        Said::Say(200, Vec::new(), Bytes::from_static(b"not protobuf")),
        Said::Say(429, vec![("retry-after", "7")], Bytes::new()),
        Said::status(400),
    ]);
    let mut collector = collector(&receiver, "http", Options::default());
    let records = records();
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(collector.deliver(&records).await);
    }
    let partly = Answer::Partly {
        refused: 2,
        why: "too? old".to_owned(),
    };
    let later = Answer::Later {
        after: Some(Duration::from_secs(7)),
        why: "the receiver answers 429 Too Many Requests".to_owned(),
    };
    let refused = Answer::refused("the receiver answers 400 Bad Request");
    let taken = Answer::Delivered;
    assert_eq!(
        answers,
        [taken.clone(), taken.clone(), partly, taken, later, refused]
    );
}

#[tokio::test]
async fn certificates_are_replaced_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = Authority::new("authority");
    authority.write(&path("ca"));
    let server = authority.server(Some(&authority));
    let mut receiver = Receiver::encrypted(server).await;
    let options = Options {
        tls: TlsFiles {
            ca: Some(path("ca")),
            identity: Some(Identity {
                certificate: path("cert"),
                key: path("key"),
            }),
        },
        ..Options::default()
    };
    let mut collector = collector(&receiver, "https", options);
    let records = records();
    for name in ["first", "second"] {
        let issued = authority.issue(name, &path("cert"), &path("key"));
        assert_eq!(collector.deliver(&records).await, Answer::Delivered);
        let got = receiver.got().await;
        assert_eq!(got.certificate, Some(issued));
        assert_eq!(names(&got).len(), records.len());
    }
}

/// Patience for everything but time.
fn limits() -> Limits {
    Limits {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(20),
        ..Logs::limits()
    }
}

fn spawn(feed: &Feed, collector: Collector) -> Exporters {
    let select = Selection::of([Line::Incident, Line::Finding]);
    let subscription = feed.handle().subscribe(Format::Json, select, SLOW).unwrap();
    let logs = Logs::new(Arc::new(host()));
    let job = Job::new("otlp", subscription, limits(), logs, collector);
    Exporters::spawn(vec![job]).unwrap().unwrap()
}

fn tell(feed: &mut Feed) {
    feed.publish(&samples::incident(), samples::CLOCK, About::default());
    feed.flush();
}

async fn end(exporters: Exporters) -> State {
    let handle = exporters.handle();
    exporters.end(Instant::now() + Duration::from_mins(1)).await;
    handle.states().remove(0)
}

#[tokio::test]
async fn a_collector_that_is_slow_gone_and_back_loses_nothing() {
    let mut receiver = Receiver::start().await;
    let address = receiver.address();
    receiver.will([Said::Silence]);
    let options = Options {
        timeout: Duration::from_millis(200),
        ..Options::default()
    };
    let mut feed = Feed::new(samples::hello());
    let exporters = spawn(&feed, collector(&receiver, "http", options));
    tell(&mut feed);
    // Slow: it hears the same a second time.
    for _ in 0..2 {
        assert_eq!(names(&receiver.got().await), ["finback.incident"]);
    }
    receiver.end().await;
    tell(&mut feed);
    let handle = exporters.handle();
    while handle.states()[0].retries < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tell(&mut feed);
    let mut receiver = Receiver::at(address, None).await;
    let mut arrived = 0;
    while arrived < 2 {
        arrived += names(&receiver.got().await).len();
    }
    let state = end(exporters).await;
    assert_eq!((state.delivered, state.queued), (3, 0));
    assert!(state.dropped.is_empty() && state.retries >= 2, "{state:?}");
}

#[tokio::test]
async fn a_collector_that_asks_for_time_gets_it_and_one_that_refuses_is_not_asked_again() {
    let mut receiver = Receiver::start().await;
    receiver.will([
        Said::Say(429, vec![("retry-after", "1")], Bytes::new()),
        Said::status(200),
        Said::status(400),
    ]);
    let mut feed = Feed::new(samples::hello());
    let exporters = spawn(&feed, collector(&receiver, "http", Options::default()));
    let begin = Instant::now();
    tell(&mut feed);
    receiver.got().await;
    receiver.got().await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    tell(&mut feed);
    receiver.got().await;
    tell(&mut feed);
    receiver.got().await;
    let state = end(exporters).await;
    assert_eq!((state.delivered, state.retries), (2, 1));
    assert_eq!(state.dropped.get(&Reason::Refused), Some(&1));
    assert!(receiver.try_got().is_none());
}

#[tokio::test]
async fn metrics_are_gathered_and_sent_every_now_and_then() {
    let mut receiver = Receiver::start().await;
    let feed = Feed::new(samples::hello());
    let none = Selection::NONE;
    let subscription = feed.handle().subscribe(Format::Json, none, SLOW).unwrap();
    let gather = || async {
        let family = Family::new("finback_up", Kind::Gauge, "Whether it runs");
        Some(vec![family.with(Vec::new(), 1.0)])
    };
    let metrics = Metrics::new(gather, Duration::from_millis(5), Arc::new(host()));
    let carrier = collector(&receiver, "http", Options::default());
    let job = Job::new("otlp_metrics", subscription, limits(), metrics, carrier);
    let exporters = Exporters::spawn(vec![job]).unwrap().unwrap();
    for _ in 0..3 {
        let got = receiver.got().await;
        assert_eq!(got.target, "/v1/metrics");
        let request = ExportMetricsServiceRequest::decode(&*body(&got)).unwrap();
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        assert_eq!(metrics[0].name, "finback.up");
    }
    assert!(end(exporters).await.delivered >= 3);
}
