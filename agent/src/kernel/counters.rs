//! What the kernel programs count: failures and hits.

use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use finback_common::counter::{self, Counter};
use finback_common::hook::{self, Hook};
use finback_common::map;

use super::error::KernelError;
use finback_core::model::observation::Loss;

/// A per-CPU array of 64-bit counters, summed over the CPUs.
pub(super) struct Counts {
    name: &'static str,
    array: PerCpuArray<MapData, u64>,
}

impl Counts {
    pub(super) fn failures(object: &mut Ebpf) -> Result<Self, KernelError> {
        Self::take(object, map::COUNTERS, counter::COUNT)
    }

    pub(super) fn hits(object: &mut Ebpf) -> Result<Self, KernelError> {
        Self::take(object, map::HITS, hook::COUNT)
    }

    fn take(object: &mut Ebpf, name: &'static str, length: usize) -> Result<Self, KernelError> {
        let map = object.take_map(name).ok_or(KernelError::Object(name))?;
        let array: PerCpuArray<MapData, u64> =
            map.try_into().map_err(|e| KernelError::map(name, e))?;
        if (array.len() as usize) < length {
            return Err(KernelError::Object(name));
        }
        Ok(Self { name, array })
    }

    /// Every counter, by index.
    pub(super) fn read(&self) -> Result<Vec<u64>, KernelError> {
        (0..self.array.len())
            .map(|index| {
                let values = self.array.get(&index, 0);
                let values = values.map_err(|error| KernelError::map(self.name, error))?;
                Ok(values
                    .iter()
                    .fold(0, |sum: u64, value| sum.wrapping_add(*value)))
            })
            .collect()
    }
}

/// The hits of one hook among all.
pub(super) fn of(hits: &[u64], hook: Hook) -> u64 {
    hits.get(hook as usize).copied().unwrap_or(0)
}

/// Failures that mean: something happened that no record tells. (The others are about sockets first seen late, or
/// about one pass of the iterator.)
const LOSSES: &[Counter] = &[
    Counter::RingFull,
    Counter::MapFull,
    Counter::MapError,
    Counter::ReadFailed,
];
/// Name of the loss of a program that did not run because it was running on that CPU already: a task that was
/// preempted inside it, or an interrupt (`recursion_misses` of `struct bpf_prog_info`, since 5.12).
const MISSED: &str = "program_missed";
/// Name of the loss that the decoder finds.
const MALFORMED: &str = "malformed";

/// Remembers what was announced already.
#[derive(Debug, Default)]
pub(super) struct LossMeter {
    announced: Vec<u64>,
    malformed: u64,
    missed: u64,
}

impl LossMeter {
    /// What was lost since the last call, by the totals of now.
    pub(super) fn update(&mut self, failures: &[u64], malformed: u64, missed: u64) -> Vec<Loss> {
        let mut losses = Vec::new();
        self.announced.resize(LOSSES.len(), 0);
        for (counter, announced) in LOSSES.iter().zip(&mut self.announced) {
            let total = failures.get(*counter as usize).copied().unwrap_or(0);
            losses.push(Loss {
                records: total.saturating_sub(*announced),
                reason: counter.name(),
            });
            *announced = total;
        }
        losses.push(Loss {
            records: malformed - self.malformed,
            reason: MALFORMED,
        });
        self.malformed = malformed;
        losses.push(Loss {
            records: missed.saturating_sub(self.missed),
            reason: MISSED,
        });
        self.missed = missed;
        losses.retain(|loss| loss.records > 0);
        losses
    }
}

/// Reads [`missed`] now and then: one file per program is too much for every look at the other counters.
#[derive(Debug, Default)]
pub(super) struct Missed {
    total: u64,
    calls: u32,
}

/// The other counters are read some ten times a second on a busy host.
const EVERY: u32 = 10;

impl Missed {
    pub(super) fn read(&mut self, object: &Ebpf) -> u64 {
        if self.calls.is_multiple_of(EVERY) {
            self.total = missed(object);
        }
        self.calls = self.calls.wrapping_add(1);
        self.total
    }
}

/// How often the programs did not run although their hook was reached. Kernels before 5.12 do not tell.
fn missed(object: &Ebpf) -> u64 {
    let programs = object
        .programs()
        .filter_map(|(_, program)| program.fd().ok());
    programs
        .filter_map(|fd| {
            let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
            let text = std::fs::read_to_string(path).ok()?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("recursion_misses:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_announced_once() {
        let mut meter = LossMeter::default();
        let mut failures = vec![0; counter::COUNT];
        assert_eq!(meter.update(&failures, 0, 0), []);
        failures[Counter::RingFull as usize] = 7;
        failures[Counter::Unknown as usize] = 99;
        let ring = Loss {
            records: 7,
            reason: "ring_full",
        };
        assert_eq!(meter.update(&failures, 0, 0), [ring]);
        assert_eq!(meter.update(&failures, 0, 0), []);
        failures[Counter::RingFull as usize] = 8;
        let reasons: Vec<_> = meter
            .update(&failures, 2, 3)
            .into_iter()
            .map(|l| (l.reason, l.records))
            .collect();
        assert_eq!(
            reasons,
            [("ring_full", 1), ("malformed", 2), ("program_missed", 3)]
        );
    }
}
