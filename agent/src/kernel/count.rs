//! What the kernel programs count: failures and hits.

use std::borrow::Borrow;

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
        let name = map::COUNTERS;
        let map = object.take_map(name).ok_or(KernelError::Object(name))?;
        let array: PerCpuArray<MapData, u64> =
            map.try_into().map_err(|e| KernelError::map(name, e))?;
        if (array.len() as usize) < counter::COUNT {
            return Err(KernelError::Object(name));
        }
        Ok(Self { name, array })
    }

    /// Every counter, by index.
    pub(super) fn read(&self) -> Result<Vec<u64>, KernelError> {
        sums(self.name, &self.array)
    }
}

/// How often each hook was hit. The map stays with the object: a program that is loaded anew needs it again.
pub(super) fn hits(object: &Ebpf) -> Result<Vec<u64>, KernelError> {
    let name = map::HITS;
    let map = object.map(name).ok_or(KernelError::Object(name))?;
    let array: PerCpuArray<&MapData, u64> =
        map.try_into().map_err(|e| KernelError::map(name, e))?;
    if (array.len() as usize) < hook::COUNT {
        return Err(KernelError::Object(name));
    }
    sums(name, &array)
}

fn sums<T: Borrow<MapData>>(
    name: &'static str,
    array: &PerCpuArray<T, u64>,
) -> Result<Vec<u64>, KernelError> {
    (0..array.len())
        .map(|index| {
            let values = array.get(&index, 0);
            let values = values.map_err(|error| KernelError::map(name, error))?;
            Ok(values
                .iter()
                .fold(0, |sum: u64, value| sum.wrapping_add(*value)))
        })
        .collect()
}

/// The hits of one hook among all.
pub(super) fn of(hits: &[u64], hook: Hook) -> u64 {
    hits.get(hook as usize).copied().unwrap_or(0)
}
