//! Metrics.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use prost::Message as _;

use super::super::metrics::{Reading, Span};
use super::{host, map, text};
use crate::metrics::family::{Family, Histogram, Kind, Point, Unit, Value};
use crate::output::clock::Time;

const SPAN: Span = Span {
    start: Time::from_unix_nanos(1),
    now: Time::from_unix_nanos(61),
};

fn read(family: Family) -> Metric {
    let reading = Reading::new(&[family], SPAN, &host());
    let request = ExportMetricsServiceRequest::decode(reading.body()).unwrap();
    let resource = &request.resource_metrics[0];
    let of_host = resource.resource.as_ref().unwrap();
    assert_eq!(map(&of_host.attributes)["service.name"], &text("finback"));
    resource.scope_metrics[0].metrics[0].clone()
}

#[test]
fn a_gauge_has_its_labels_and_no_beginning() {
    let family = Family::new("finback_connections", Kind::Gauge, "Connections by stage")
        .with(vec![("stage", "idle".into())], 3.0)
        .with(vec![("stage", "draining".into())], 1.0);
    let metric = read(family);
    assert_eq!((&*metric.name, &*metric.unit), ("finback.connections", ""));
    assert_eq!(metric.description, "Connections by stage");
    let Some(Data::Gauge(gauge)) = metric.data else {
        panic!("a gauge");
    };
    assert_eq!(gauge.data_points.len(), 2);
    let point = &gauge.data_points[0];
    assert_eq!(map(&point.attributes)["stage"], &text("idle"));
    assert_eq!(point.value, Some(Number::AsDouble(3.0)));
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (0, 61));
}

#[test]
fn a_counter_only_grows_from_the_start_on() {
    let family = Family::new("finback_look", Kind::Counter, "Time in looks")
        .unit(Unit::Seconds)
        .with(Vec::new(), 0.25);
    let metric = read(family);
    assert_eq!((&*metric.name, &*metric.unit), ("finback.look", "s"));
    let Some(Data::Sum(sum)) = metric.data else {
        panic!("a sum");
    };
    assert!(sum.is_monotonic);
    assert_eq!(
        sum.aggregation_temporality(),
        AggregationTemporality::Cumulative
    );
    let point = &sum.data_points[0];
    assert_eq!(point.value, Some(Number::AsDouble(0.25)));
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1, 61));
}

#[test]
fn a_histogram_has_one_count_more_than_bounds() {
    let mut family = Family::new(
        "finback_accept_wait",
        Kind::Histogram,
        "Wait in accept queues",
    )
    .unit(Unit::Seconds);
    family.points.push(Point {
        labels: Vec::new(),
        value: Value::Histogram(Histogram {
            buckets: vec![(0.1, 4), (1.0, 2)],
            above: 1,
            sum: 3.5,
        }),
    });
    let metric = read(family);
    let Some(Data::Histogram(histogram)) = metric.data else {
        panic!("a histogram");
    };
    assert_eq!(
        histogram.aggregation_temporality(),
        AggregationTemporality::Cumulative
    );
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum), (7, Some(3.5)));
    assert_eq!(point.bucket_counts, [4, 2, 1]);
    assert_eq!(point.explicit_bounds, [0.1, 1.0]);
}
