//! What came of all targets, as a table.

use super::run::Outcome;
use crate::summary::Summary;

/// What came of each target.
#[derive(Debug)]
pub(super) struct Report(pub(super) Vec<Outcome>);

impl Report {
    /// Whether no fault was found.
    pub(super) fn is_clean(&self) -> bool {
        self.0.iter().all(|outcome| outcome.fault.is_none())
    }

    /// Targets without a fault, and with one.
    pub(super) fn summary(&self) -> Summary {
        let faults = self.0.iter().filter(|outcome| outcome.fault.is_some());
        let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        let failed = count(faults.count());
        Summary {
            passed: count(self.0.len()) - failed,
            failed,
            skipped: 0,
        }
    }

    pub(super) fn print(&self) {
        println!(
            "\n{:<16} {:>10} {:>8} {:>10} {:>8} {:>6}  found",
            "target", "runs", "seconds", "runs/s", "places", "kept"
        );
        self.0
            .iter()
            .for_each(|outcome| println!("{}", line(outcome)));
        let faults = self.0.iter().filter_map(|outcome| outcome.fault.as_ref());
        for (_, input) in faults {
            if let Some(input) = input {
                println!("the input is in {}", input.display());
            }
        }
        if !self.is_clean() {
            println!(
                "Mend it, and put the input into agent/fuzz/seeds/TARGET: every test run feeds it from then on."
            );
        }
    }
}

/// One row of the table.
pub(super) fn line(outcome: &Outcome) -> String {
    let seconds = outcome.took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
    let rate = outcome.runs as f64 / seconds.max(0.001);
    let found = outcome
        .fault
        .as_ref()
        .map_or("nothing", |(sentence, _)| sentence);
    format!(
        "{:<16} {:>10} {seconds:>8.1} {rate:>10.0} {:>8} {:>6}  {found}",
        outcome.target, outcome.runs, outcome.places, outcome.kept
    )
}
