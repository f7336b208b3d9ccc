//! What was lost on the way from the kernel.

use finback_common::counter::Counter;

use finback_core::model::observation::Loss;

/// Failures that mean: something happened that no record tells. (The others are about places, which a look does
/// without, or about one look.)
const LOSSES: &[Counter] = &[Counter::RingFull];
/// Name of the loss that the decoder finds.
const MALFORMED: &str = "malformed";

/// Remembers what was announced already.
#[derive(Debug, Default)]
pub(in crate::kernel) struct LossMeter {
    announced: Vec<u64>,
    malformed: u64,
}

impl LossMeter {
    /// What was lost since the last call, by the totals of now.
    pub(in crate::kernel) fn update(&mut self, failures: &[u64], malformed: u64) -> Vec<Loss> {
        let mut losses = Vec::new();
        self.announced.resize(LOSSES.len(), 0);
        for (counter, announced) in LOSSES.iter().zip(&mut self.announced) {
            let total = failures.get(*counter as usize).copied().unwrap_or(0);
            losses.push(Loss {
                records: total.saturating_sub(*announced),
                reason: counter.name().into(),
            });
            *announced = total;
        }
        losses.push(Loss {
            records: malformed - self.malformed,
            reason: MALFORMED.into(),
        });
        self.malformed = malformed;
        losses.retain(|loss| loss.records > 0);
        losses
    }
}

#[cfg(test)]
mod tests {
    use finback_common::counter;

    use super::*;

    #[test]
    fn a_loss_is_announced_once() {
        let mut meter = LossMeter::default();
        let mut failures = vec![0; counter::COUNT];
        assert_eq!(meter.update(&failures, 0), []);
        failures[Counter::RingFull as usize] = 7;
        failures[Counter::HalfFull as usize] = 99;
        let ring = Loss {
            records: 7,
            reason: "ring_full".into(),
        };
        assert_eq!(meter.update(&failures, 0), [ring]);
        assert_eq!(meter.update(&failures, 0), []);
        failures[Counter::RingFull as usize] = 8;
        let reasons: Vec<_> = meter
            .update(&failures, 2)
            .into_iter()
            .map(|l| (l.reason, l.records))
            .collect();
        assert_eq!(reasons, [("ring_full".into(), 1), ("malformed".into(), 2)]);
    }
}
