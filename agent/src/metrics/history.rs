//! What the history counts.

use super::Source;
use super::family::{Family, Kind, Labels, Unit};
use super::kit::{counter, gauge, number};
use crate::history::Handle;
use crate::output::clock::Time;

impl Source for Handle {
    fn families(&self) -> Vec<Family> {
        let counts = self.statistics();
        let bytes = Family::new(
            "finback_history",
            Kind::Gauge,
            "Size of the history on disk",
        );
        let mut all = vec![
            counter(
                "finback_history_lines",
                "Lines that the history has kept",
                counts.written(),
            ),
            counter(
                "finback_history_lines_dropped",
                "Lines that the history has not kept: the disk was full or too slow",
                counts.dropped(),
            ),
            bytes
                .unit(Unit::Bytes)
                .with(Labels::new(), number(counts.bytes())),
            gauge(
                "finback_history_failing",
                "1 while nothing is being written: finback status says why",
                f64::from(u8::from(counts.error().is_some())),
            ),
        ];
        if let Some(oldest) = counts.oldest().map(Time::from_unix_nanos) {
            let family = Family::new(
                "finback_history_age",
                Kind::Gauge,
                "How far back the history reaches at most",
            );
            let age = Time::now().since(oldest).as_secs_f64();
            all.push(family.unit(Unit::Seconds).with(Labels::new(), age));
        }
        all
    }
}
