//! What the remedies count.

use super::Handle;
use crate::metrics::Source;
use crate::metrics::family::{Family, Kind};
use crate::metrics::kit::number;

impl Source for Handle {
    fn families(&self) -> Vec<Family> {
        let mut decisions = Family::new(
            "finback_remedy_decisions",
            Kind::Counter,
            "Decisions of a remedy, each of which is a line of the stream, too",
        );
        for (name, count) in self.statistics().counts() {
            for (decision, times) in count.decisions {
                let labels = vec![
                    ("remedy", name.clone()),
                    ("action", count.action.name().to_owned()),
                    ("decision", decision.name().to_owned()),
                ];
                decisions.add(labels, number(times));
            }
        }
        vec![decisions]
    }
}
