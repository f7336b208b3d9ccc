//! What the caller may choose.

use finback_common::hook::Flavour;
use finback_common::settings::Settings;

use crate::kernel::error::KernelError;
use crate::kernel::pin::Place;

/// Which flavour to take for each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// The cheapest that loads and fires.
    #[default]
    Auto,
    /// This one only; signals that it cannot give are reported as missing.
    Forced(Flavour),
}

/// How the kernel side is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which flavours.
    pub attach: Attach,
    /// Size of the ring, bytes: a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Openers that are remembered, a power of two: those of older connections are forgotten first.
    pub opener_places: u32,
    /// Process that is never taken for an owner or an actor: the agent, which holds every socket for a moment while it
    /// looks and may be the last to let go.
    pub ignored_pid: Option<u32>,
    /// Whether to take the user's stack when a socket is opened.
    pub stacks: bool,
    /// Whether to look up the control groups of processes.
    pub groups: bool,
    /// Level of the kernel programs' own log: 0 off, 1 error … 5 trace.
    pub log_level: u8,
    /// Where to pin what is to outlive this process.
    pub pins: Place,
}

impl Options {
    /// Holds 70 ms of records at 1 M/s. Not more, because the ring's pages are mapped twice (`kernel/bpf/ringbuf.c`)
    /// and count as resident from the start: 16 MiB here.
    pub const RING_BYTES: u32 = 8 << 20;
    /// Allocated by the kernel at start, 96 bytes each.
    pub const OPENER_PLACES: u32 = finback_common::place::OPENER_PLACES;

    /// For looks alone: nothing is told and nothing remembered, so the tables are as small as they may be.
    pub fn for_looks() -> Self {
        Self {
            ring_bytes: u32::try_from(rustix::param::page_size()).unwrap_or(Self::RING_BYTES),
            opener_places: 64,
            ..Self::default()
        }
    }

    /// The switches, which are frozen when the object is loaded.
    pub(super) fn settings(&self, stack_registers: u32, socket_bytes: u32) -> Settings {
        Settings {
            abi_version: finback_common::ABI_VERSION,
            opener_places: self.opener_places,
            ignored_pid: self.ignored_pid.unwrap_or(0),
            wake_urgent_ns: 5_000_000,
            wake_idle_ns: 50_000_000,
            wake_bytes: self.ring_bytes.min(256 << 10) / 4,
            stack_registers,
            stack_room: self.ring_bytes / 4,
            socket_bytes,
        }
    }

    /// Refuses sizes that the kernel would refuse without a reason.
    pub fn check(&self) -> Result<(), KernelError> {
        let page = rustix::param::page_size();
        let bytes = self.ring_bytes;
        if !bytes.is_power_of_two() || !(bytes as usize).is_multiple_of(page) {
            return Err(KernelError::RingSize { bytes, page });
        }
        let places = self.opener_places;
        if !places.is_power_of_two() || !(64..=1 << 20).contains(&places) {
            return Err(KernelError::OpenerPlaces { places });
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attach: Attach::Auto,
            ring_bytes: Self::RING_BYTES,
            opener_places: Self::OPENER_PLACES,
            ignored_pid: Some(std::process::id()),
            stacks: false,
            groups: false,
            log_level: 0,
            pins: Place::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ring_bytes: u32) -> Result<(), KernelError> {
        Options {
            ring_bytes,
            ..Options::default()
        }
        .check()
    }

    #[test]
    fn ring_sizes_are_checked_before_the_kernel_is_asked() {
        assert!(Options::default().check().is_ok());
        assert!(ring(4096 * 16).is_ok());
        for wrong in [0, 1, 2048, 4097, 3 * 4096] {
            let error = ring(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("{wrong} bytes")), "{error}");
        }
        let openers = Options {
            opener_places: 1000,
            ..Options::default()
        };
        let error = openers.check().unwrap_err().to_string();
        assert!(error.contains("1000 places"), "{error}");
    }
}
