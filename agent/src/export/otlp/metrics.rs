//! Families of metrics: gathered every now and then, and as a request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message as _;

use super::partial::Partial;
use super::resource::{Host, SCHEMA_URL, scope};
use super::value::{Attributes, text_value};
use crate::export::{Outbox, Packer, Parcel};
use crate::metrics::family::{self, Family, Kind, Point, Unit, Value};
use crate::output::clock::Time;
use crate::output::json::Event;

/// Below the endpoint.
pub(super) const PATH: &str = "/v1/metrics";

/// From when to when values were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When counters were 0: the daemon's start.
    pub start: Time,
    /// When they were read.
    pub now: Time,
}

/// All metrics at one moment, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading(Vec<u8>);

impl Reading {
    /// Of these.
    pub fn new(families: &[Family], span: Span, host: &Host) -> Self {
        Self(request(families, span, host))
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.0
    }
}

impl Parcel for Reading {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Values are counted from the start on: the newest say all.
    fn replaces(&self, _waiting: &Self) -> bool {
        true
    }
}

/// Asks for metrics every now and then.
pub struct Metrics<G> {
    gather: G,
    interval: Duration,
    start: Time,
    host: Arc<Host>,
}

impl<G> Metrics<G> {
    /// `gather` asks whoever has them; what it returns comes to nothing if that one has ended.
    pub fn new(gather: G, interval: Duration, host: Arc<Host>) -> Self {
        Self {
            gather,
            interval,
            start: Time::now(),
            host,
        }
    }
}

impl<G> fmt::Debug for Metrics<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl<G, F> Packer for Metrics<G>
where
    G: Fn() -> F + Send + 'static,
    F: Future<Output = Option<Vec<Family>>> + Send + 'static,
{
    type Parcel = Reading;

    fn pack(&mut self, _event: &Event<'_>, _outbox: &Outbox<Reading>) {}

    fn period(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn tick(&mut self, outbox: &Outbox<Reading>) {
        let (gathered, outbox) = ((self.gather)(), outbox.clone());
        let (start, host) = (self.start, Arc::clone(&self.host));
        // Whoever has them answers when it has the time.
        tokio::spawn(async move {
            if let Some(families) = gathered.await {
                let now = Time::now();
                outbox.push(Reading::new(&families, Span { start, now }, &host));
            }
        });
    }
}

/// All of them, encoded.
fn request(families: &[Family], span: Span, host: &Host) -> Vec<u8> {
    let scope = ScopeMetrics {
        scope: Some(scope()),
        metrics: families.iter().map(|family| metric(family, span)).collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    let resource = ResourceMetrics {
        resource: Some(host.resource()),
        scope_metrics: vec![scope],
        schema_url: SCHEMA_URL.to_owned(),
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    };
    request.encode_to_vec()
}

/// What the receiver says that it did not take. One that answers in another way has taken all.
pub(super) fn partial(answer: &[u8]) -> Option<Partial> {
    let answer = ExportMetricsServiceResponse::decode(answer).ok()?;
    let partial = answer.partial_success?;
    Partial::new(partial.rejected_data_points, &partial.error_message)
}

fn metric(family: &Family, span: Span) -> Metric {
    let numbers = || numbers(family, span);
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.kind {
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms(family, span),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: name(family),
        description: family.help.to_owned(),
        unit: unit(family).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// `finback.look`, of which whoever writes it to Prometheus makes the name that our own `/metrics` has.
fn name(family: &Family) -> String {
    family.name.replacen('_', ".", 1)
}

/// UCUM.
const fn unit(family: &Family) -> &'static str {
    match family.unit {
        Some(Unit::Bytes) => "By",
        Some(Unit::Seconds) => "s",
        None => "",
    }
}

fn numbers(family: &Family, span: Span) -> Vec<NumberDataPoint> {
    // A gauge is not counted from any moment on.
    let start = match family.kind {
        Kind::Gauge => 0,
        Kind::Counter | Kind::Histogram => span.start.as_unix_nanos(),
    };
    let number = |point: &Point| match point.value {
        Value::Histogram(_) => None,
        Value::Number(number) => Some(NumberDataPoint {
            attributes: attributes(&point.labels),
            start_time_unix_nano: start,
            time_unix_nano: span.now.as_unix_nanos(),
            value: Some(Number::AsDouble(number)),
            ..NumberDataPoint::default()
        }),
    };
    family.points.iter().filter_map(number).collect()
}

fn histograms(family: &Family, span: Span) -> Vec<HistogramDataPoint> {
    let histogram = |point: &Point| match &point.value {
        Value::Number(_) => None,
        Value::Histogram(observed) => Some(HistogramDataPoint {
            attributes: attributes(&point.labels),
            start_time_unix_nano: span.start.as_unix_nanos(),
            time_unix_nano: span.now.as_unix_nanos(),
            count: observed.count(),
            sum: Some(observed.sum),
            bucket_counts: counts(observed),
            explicit_bounds: observed.buckets.iter().map(|(bound, _)| *bound).collect(),
            ..HistogramDataPoint::default()
        }),
    };
    family.points.iter().filter_map(histogram).collect()
}

/// One more than there are bounds.
fn counts(observed: &family::Histogram) -> Vec<u64> {
    let buckets = observed.buckets.iter().map(|(_, count)| *count);
    buckets.chain([observed.above]).collect()
}

fn attributes(labels: &[(&str, String)]) -> Vec<KeyValue> {
    let mut attributes = Attributes::default();
    for (name, value) in labels {
        attributes.put(name, text_value(value));
    }
    attributes.into_pairs()
}
