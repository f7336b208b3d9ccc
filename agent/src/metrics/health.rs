//! How the daemon is: what it does, what that costs, and what it has lost.

use finback_common::counter::Counter;
use finback_core::engine::{LookStats, Stats};
use finback_core::model::observation::{Observation, What};
use finback_core::model::socket::Role;

use super::family::{Family, Kind, Unit};
use super::kit::{counter, gauge, label, number, time};
use crate::kernel::load::runs::Runs;

/// What is known of it now.
#[derive(Debug)]
pub struct Health<'a> {
    /// Its version.
    pub version: &'a str,
    /// The kernel's release.
    pub kernel: &'a str,
    /// The engines.
    pub engine: Stats,
    /// Failures of the kernel programs.
    pub failures: Vec<(Counter, u64)>,
    /// The kernel programs.
    pub programs: Vec<Runs>,
    /// Records read from the ring.
    pub records: u64,
    /// Events told.
    pub told: u64,
    /// Who reads the stream.
    pub subscribers: usize,
    /// Writes after the peer's end.
    pub late: LateWrites,
    /// Scrapes, with the processor time of counting.
    pub scrapes: (u64, std::time::Duration),
}

/// Writes that a reset answered, because they came after the peer's FIN and the peer had gone.
#[derive(Clone, Copy, Debug, Default)]
pub struct LateWrites {
    client: u64,
    server: u64,
    unknown: u64,
}

impl LateWrites {
    /// What the kernel has told.
    pub fn observe(&mut self, all: &[Observation]) {
        for observation in all {
            if let What::ResetWrite(write) = &observation.what {
                let count = match write.role {
                    Role::Client => &mut self.client,
                    Role::Server => &mut self.server,
                    Role::Unknown => &mut self.unknown,
                };
                *count += 1;
            }
        }
    }

    fn family(self) -> Family {
        let mut family = Family::new(
            "finback_late_writes",
            Kind::Counter,
            "Writes after the peer's FIN that a reset answered: a server's are late answers and goodbyes, a client's \
             are lost requests, farewells and a pool's questions",
        );
        for (role, count) in [
            ("client", self.client),
            ("server", self.server),
            ("unknown", self.unknown),
        ] {
            family.add(label("role", role), number(count));
        }
        family
    }
}

impl Health<'_> {
    /// As metrics.
    pub fn families(&self) -> Vec<Family> {
        let mut all = vec![self.build(), self.late.family()];
        all.extend(self.work());
        all.extend(looks(self.engine.looks));
        all.extend(self.losses());
        all.extend(programs(&self.programs));
        all
    }

    fn build(&self) -> Family {
        let mut labels = label("version", self.version);
        labels.push(("kernel", self.kernel.to_owned()));
        Family::new(
            "finback_build_info",
            Kind::Gauge,
            "1, with finback's version and the kernel's",
        )
        .with(labels, 1.0)
    }

    fn work(&self) -> [Family; 9] {
        let engine = &self.engine;
        [
            gauge(
                "finback_watched_connections",
                "Connections that are being watched",
                number(engine.watched),
            ),
            gauge("finback_findings", "Open findings", number(engine.findings)),
            counter(
                "finback_lost_requests",
                "Requests of clients that were lost because the server had ended the connection, and of which no \
                 finding tells",
                engine.lost_requests,
            ),
            counter("finback_events", "Events of the stream", self.told),
            gauge(
                "finback_subscribers",
                "Who reads the stream, the history and exporters included",
                number(self.subscribers as u64),
            ),
            counter(
                "finback_records",
                "Records that came from the kernel programs",
                self.records,
            ),
            gauge(
                "finback_stream_connections",
                "Connections that the stream follows; 0 while nobody subscribes to it",
                engine
                    .stream
                    .map_or(0.0, |stream| number(stream.connections)),
            ),
            counter(
                "finback_scrapes",
                "Requests for these metrics",
                self.scrapes.0,
            ),
            time(
                "finback_counting",
                "Processor time of counting connections for these metrics, the look not included",
                self.scrapes.1,
            ),
        ]
    }

    fn losses(&self) -> [Family; 2] {
        let mut records = Family::new(
            "finback_records_lost",
            Kind::Counter,
            "Records that did not fit into the ring: the stream repairs itself, findings do not depend on them",
        );
        let mut misses = Family::new(
            "finback_kernel_misses",
            Kind::Counter,
            "What the kernel programs had no room for; looks find the same later",
        );
        for (failure, count) in &self.failures {
            let family = if *failure == Counter::RingFull {
                &mut records
            } else {
                &mut misses
            };
            family.add(label("reason", failure.name()), number(*count));
        }
        [records, misses]
    }
}

fn looks(looks: LookStats) -> [Family; 4] {
    [
        counter(
            "finback_looks",
            "Looks at the sockets of all processes",
            looks.count,
        ),
        time("finback_look", "Time that looks took", looks.took),
        gauge(
            "finback_look_sockets",
            "Sockets that the latest look found",
            number(looks.sockets),
        ),
        {
            let family = Family::new(
                "finback_look_longest",
                Kind::Gauge,
                "How long the longest look took",
            );
            let longest = looks.longest.as_secs_f64();
            family.unit(Unit::Seconds).with(Vec::new(), longest)
        },
    ]
}

/// Runs and their time are known only where the kernel accounts them.
fn programs(all: &[Runs]) -> Vec<Family> {
    let family = |name, help| Family::new(name, Kind::Counter, help);
    let mut runs = family(
        "finback_program_runs",
        "Runs of a kernel program, if sysctl kernel.bpf_stats_enabled is 1",
    );
    let mut took = family(
        "finback_program",
        "Time in a kernel program, if sysctl kernel.bpf_stats_enabled is 1",
    )
    .unit(Unit::Seconds);
    let mut missed = family(
        "finback_program_missed_runs",
        "A hook was reached and its program not run, because it was running on that processor already",
    );
    for one in all {
        let labels = || label("program", one.program);
        missed.add(labels(), number(one.missed));
        if one.count > 0 {
            runs.add(labels(), number(one.count));
            took.add(labels(), one.time.as_secs_f64());
        }
    }
    let all = [runs, took, missed].into_iter();
    all.filter(|family| !family.points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn health(programs: Vec<Runs>) -> Health<'static> {
        Health {
            version: "1",
            kernel: "6.1",
            engine: Stats::default(),
            failures: Counter::ALL.iter().map(|counter| (*counter, 7)).collect(),
            programs,
            records: 0,
            told: 0,
            subscribers: 0,
            late: LateWrites::default(),
            scrapes: (1, Duration::ZERO),
        }
    }

    #[test]
    fn time_of_programs_is_told_only_where_the_kernel_accounts_it() {
        let one = |runs| Runs {
            program: "p",
            count: runs,
            time: Duration::from_millis(runs),
            missed: 3,
        };
        let names = |runs| -> BTreeSet<String> {
            let families = health(vec![one(runs)]).families();
            families.iter().map(Family::exposed).collect()
        };
        assert!(!names(0).contains("finback_program_seconds_total"));
        assert!(names(0).contains("finback_program_missed_runs_total"));
        assert!(names(9).contains("finback_program_seconds_total"));
    }

    #[test]
    fn only_a_full_ring_is_a_loss_of_records() {
        let families = health(Vec::new()).families();
        let lost = families
            .iter()
            .find(|family| family.name == "finback_records_lost");
        assert_eq!(lost.unwrap().points.len(), 1);
        let misses = families
            .iter()
            .find(|family| family.name == "finback_kernel_misses");
        assert_eq!(misses.unwrap().points.len(), Counter::ALL.len() - 1);
    }
}
