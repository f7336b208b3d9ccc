//! Families as Prometheus reads them: `OpenMetrics` 1.0, and the classic text format 0.0.4.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{self, Registry};

use super::family::{self, Family, Histogram, Kind, Value};

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What every Prometheus reads.
    Classic,
    /// The standard that came of it.
    OpenMetrics,
}

impl Format {
    /// By a request's `Accept`: the standard where it is named, else what everybody reads.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    /// The media type.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Classic => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Writes families.
    pub fn write(self, families: Vec<Family>) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Gathered(families)));
        let mut text = String::new();
        match self {
            Self::Classic => prometheus_text::encode(&mut text, &registry)?,
            Self::OpenMetrics => text::encode(&mut text, &registry)?,
        }
        Ok(text)
    }
}

#[derive(Debug)]
struct Gathered(Vec<Family>);

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|family| one(family, &mut encoder))
    }
}

fn one(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let unit = family.unit.map(|unit| match unit {
        family::Unit::Bytes => registry::Unit::Bytes,
        family::Unit::Seconds => registry::Unit::Seconds,
    });
    let kind = match family.kind {
        Kind::Gauge => MetricType::Gauge,
        Kind::Counter => MetricType::Counter,
        Kind::Histogram => MetricType::Histogram,
    };
    let mut metric = encoder.encode_descriptor(family.name, family.help, unit.as_ref(), kind)?;
    for point in &family.points {
        if point.labels.is_empty() {
            value(&mut metric, family.kind, &point.value)?;
        } else {
            let mut labelled = metric.encode_family(&point.labels)?;
            value(&mut labelled, family.kind, &point.value)?;
        }
    }
    Ok(())
}

fn value(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Number(number)) => {
            metric.encode_counter::<NoLabelSet, f64, f64>(number, None)
        }
        (Kind::Gauge | Kind::Histogram, Value::Number(number)) => metric.encode_gauge(number),
        (_, Value::Histogram(histogram)) => {
            let Histogram {
                buckets,
                above,
                sum,
            } = histogram;
            let mut buckets = buckets.clone();
            buckets.push((f64::INFINITY, *above));
            metric.encode_histogram::<NoLabelSet>(*sum, histogram.count(), &buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::family::{Labels, Point, Unit};
    use super::super::kit::{counter, gauge, label};
    use super::*;

    fn families() -> Vec<Family> {
        let mut taken = Family::new("t_taken", Kind::Histogram, "How long").unit(Unit::Seconds);
        taken.points.push(Point {
            labels: Labels::new(),
            value: Value::Histogram(Histogram {
                buckets: vec![(0.1, 2), (1.0, 1)],
                above: 1,
                sum: 7.5,
            }),
        });
        let named = Family::new("t_named", Kind::Gauge, "Named");
        vec![
            counter("t_done", "What was done", 3),
            gauge("t_now", "What is", 1.5),
            named.with(label("name", "a\"b\\c"), 1.0),
            taken,
        ]
    }

    #[test]
    fn the_classic_format_has_suffixes_in_its_descriptions() {
        let text = Format::Classic.write(families()).unwrap();
        let expected = "\
# HELP t_done_total What was done
# TYPE t_done_total counter
t_done_total 3.0
# HELP t_now What is
# TYPE t_now gauge
t_now 1.5
# HELP t_named Named
# TYPE t_named gauge
t_named{name=\"a\\\"b\\\\c\"} 1.0
# HELP t_taken_seconds How long
# TYPE t_taken_seconds histogram
t_taken_seconds_bucket{le=\"0.1\"} 2
t_taken_seconds_bucket{le=\"1\"} 3
t_taken_seconds_bucket{le=\"+Inf\"} 4
t_taken_seconds_sum 7.5
t_taken_seconds_count 4
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_standard_format_names_units_and_its_end() {
        let text = Format::OpenMetrics.write(families()).unwrap();
        for expected in [
            "# TYPE t_done counter\nt_done_total 3.0\n",
            "# UNIT t_taken_seconds seconds\n",
            "t_taken_seconds_count 4\n",
            "t_taken_seconds_bucket{le=\"+Inf\"} 4\n",
            "t_named{name=\"a\\\"b\\\\c\"} 1.0\n",
        ] {
            assert!(text.contains(expected), "{expected}{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_standard_is_written_for_who_names_it() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("text/plain"), Format::Classic);
        assert_eq!(Format::accepted(""), Format::Classic);
    }
}
