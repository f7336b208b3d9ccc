//! What the exporters count.

use super::Handle;
use crate::metrics::Source;
use crate::metrics::family::{Family, Kind};
use crate::metrics::kit::number;

impl Source for Handle {
    fn families(&self) -> Vec<Family> {
        let mut delivered = Family::new(
            "finback_export_delivered",
            Kind::Counter,
            "Items that an exporter has delivered",
        );
        let mut dropped = Family::new(
            "finback_export_dropped",
            Kind::Counter,
            "Items that an exporter has not delivered and never will",
        );
        let mut retries = Family::new(
            "finback_export_retries",
            Kind::Counter,
            "Deliveries that failed and were, or will be, tried again",
        );
        let mut queued = Family::new(
            "finback_export_queued",
            Kind::Gauge,
            "Items that wait for an exporter's receiver",
        );
        let mut failing = Family::new(
            "finback_export_failing",
            Kind::Gauge,
            "1 while nothing can be delivered: finback status says why",
        );
        for state in self.states() {
            let labels = vec![("exporter", state.name.to_owned())];
            delivered.add(labels.clone(), number(state.delivered));
            retries.add(labels.clone(), number(state.retries));
            queued.add(labels.clone(), number(state.queued as u64));
            let fails = f64::from(u8::from(state.failing_since.is_some()));
            failing.add(labels.clone(), fails);
            for (reason, count) in &state.dropped {
                let mut labels = labels.clone();
                labels.push(("reason", reason.name().to_owned()));
                dropped.add(labels, number(*count));
            }
        }
        vec![delivered, dropped, retries, queued, failing]
    }
}
