//! What the kernel programs count: failures and hits.

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use finback_common::counter;
use finback_common::hook::{self, Hook};
use finback_common::map;

use super::error::KernelError;

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
