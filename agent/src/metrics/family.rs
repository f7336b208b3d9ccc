//! Families of metrics, whoever reads them: Prometheus in its formats, or a collector by OTLP.

/// A name, what it means, and every series of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Without unit and suffix: `finback_look`.
    pub name: &'static str,
    /// One sentence without a full stop.
    pub help: &'static str,
    /// Of the values; `None` where things are counted, or of a ratio's parts.
    pub unit: Option<Unit>,
    /// How values go on.
    pub kind: Kind,
    /// The series. No two have the same labels.
    pub points: Vec<Point>,
}

/// A base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// UCUM `By`.
    Bytes,
    /// UCUM `s`.
    Seconds,
}

impl Unit {
    /// As Prometheus has it in names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
        }
    }
}

/// How the values of a family go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Up, from 0 at the daemon's start.
    Counter,
    /// As a counter, by size.
    Histogram,
}

/// One series, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values, in this order. Values of others' making are cleaned already.
    pub labels: Labels,
    /// The value.
    pub value: Value,
}

/// Label names with their values.
pub type Labels = Vec<(&'static str, String)>;

/// What a series has.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a gauge or a counter.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// What was observed, by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Upper bounds, in the family's unit, rising, each with what was observed above the bound before it and up to it.
    pub buckets: Vec<(f64, u64)>,
    /// What was observed above the last bound.
    pub above: u64,
    /// Of everything observed.
    pub sum: f64,
}

impl Histogram {
    /// How many were observed.
    pub fn count(&self) -> u64 {
        let buckets = self.buckets.iter().map(|(_, count)| count);
        buckets.sum::<u64>() + self.above
    }
}

impl Family {
    /// A family without series.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            help,
            unit: None,
            kind,
            points: Vec::new(),
        }
    }

    /// With a unit.
    #[must_use]
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// With one more series.
    #[must_use]
    pub fn with(mut self, labels: Labels, value: f64) -> Self {
        self.add(labels, value);
        self
    }

    /// Adds a series of a gauge or a counter.
    pub fn add(&mut self, labels: Labels, value: f64) {
        self.points.push(Point {
            labels,
            value: Value::Number(value),
        });
    }

    /// The name of a gauge's or a counter's series in Prometheus: `finback_look_seconds_total`.
    pub fn exposed(&self) -> String {
        let mut name = self.name.to_owned();
        if let Some(unit) = self.unit {
            name.push('_');
            name.push_str(unit.name());
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_named_as_prometheus_wants_it() {
        let family = Family::new("finback_look", Kind::Counter, "Time in looks");
        assert_eq!(family.exposed(), "finback_look_total");
        let family = family.unit(Unit::Seconds);
        assert_eq!(family.exposed(), "finback_look_seconds_total");
    }
}
