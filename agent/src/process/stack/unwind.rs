//! From registers and memory to return addresses.

use std::sync::Arc;

use finback_common::record::Registers;
use framehop::{
    CacheNative, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder as _,
    UnwinderNative,
};
use rustc_hash::FxHashMap;

use super::image::{Image, New, Place};
use super::memory::Memory;
use super::module::{Bytes, Modules};

/// Frames of one stack at most.
const MAX_FRAMES: usize = 64;
/// Different stacks that a process is remembered to have had.
const MAX_REMEMBERED: usize = 256;
/// The unwinder numbers its sets of modules with 16 bits; before they are used up, its cache must go.
const GENERATIONS: u32 = 60_000;

type Native = UnwinderNative<Bytes, MayAllocateDuringUnwind>;

/// One frame of a stack that was not named yet.
#[derive(Clone)]
pub(super) struct Spot {
    /// Address in the process.
    pub(super) address: u64,
    /// How far before it the call lies: 0 for the innermost frame, else 1.
    pub(super) back: u64,
    /// What lies at the call.
    pub(super) place: Place,
}

/// A stack that was not named yet, innermost frame first.
#[derive(Clone, Default)]
pub(super) struct Trace {
    pub(super) spots: Vec<Spot>,
    pub(super) truncated: bool,
}

/// A process's mappings and how to unwind through them.
pub(super) struct Walker {
    image: Image,
    native: Native,
    remembered: FxHashMap<Box<[u64]>, Arc<Trace>>,
}

/// What all processes share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) modules: Modules,
    cache: CacheNative<MayAllocateDuringUnwind>,
    generations: u32,
}

impl Walker {
    pub(super) fn new(image: Image) -> Self {
        Self {
            image,
            native: Native::new(),
            remembered: FxHashMap::default(),
        }
    }

    /// Whether something executable is known at the address: if not, the mappings may be out of date.
    pub(super) fn knows(&self, address: u64) -> bool {
        self.image.is_code(address)
    }

    /// Unwinds. Equal stacks are one.
    pub(super) fn walk(
        &mut self,
        from: Registers,
        memory: &mut impl Memory,
        shared: &mut Shared,
    ) -> Arc<Trace> {
        let mut trace = Trace::default();
        let mut registers = native(from);
        let mut address = FrameAddress::from_instruction_pointer(from.ip);
        trace.truncated = loop {
            let Some(place) = self.place(address.address_for_lookup(), shared) else {
                break true;
            };
            if trace.spots.len() == MAX_FRAMES {
                break true;
            }
            let in_asm = trace.spots.is_empty() && is_frameless(&place);
            trace.spots.push(Spot {
                address: address.address(),
                back: u64::from(address.is_return_address()),
                place,
            });
            match self.caller(address, &mut registers, memory, shared, in_asm) {
                Ok(Some(caller)) => address = caller,
                Ok(None) => break false,
                Err(()) => break true,
            }
        };
        self.remember(trace)
    }

    /// What lies at an address; loads the unwind information of a file that was not met before.
    fn place(&mut self, address: u64, shared: &mut Shared) -> Option<Place> {
        let found = self.image.find(address, &mut shared.modules)?;
        if let Some(new) = found.new {
            self.add(&new, shared);
        }
        Some(found.place)
    }

    fn add(&mut self, new: &New, shared: &mut Shared) {
        shared.generations += 1;
        if shared.generations >= GENERATIONS {
            shared.generations = 0;
            shared.cache = CacheNative::default();
        }
        self.native.add_module(framehop::Module::new(
            String::new(),
            new.addresses.clone(),
            new.base,
            new.module.unwind_sections(),
        ));
    }

    fn caller(
        &self,
        address: FrameAddress,
        registers: &mut UnwindRegsNative,
        memory: &mut impl Memory,
        shared: &mut Shared,
        in_asm: bool,
    ) -> Result<Option<FrameAddress>, ()> {
        if in_asm && let Some(caller) = return_from_frameless(registers, memory) {
            return Ok(FrameAddress::from_return_address(caller));
        }
        let mut read = |address| memory.word(address).ok_or(());
        let caller = self
            .native
            .unwind_frame(address, registers, &mut shared.cache, &mut read)
            .map_err(|_unreadable| ())?;
        Ok(caller.and_then(FrameAddress::from_return_address))
    }

    fn remember(&mut self, trace: Trace) -> Arc<Trace> {
        let addresses: Box<[u64]> = trace.spots.iter().map(|spot| spot.address).collect();
        if let Some(known) = self.remembered.get(&addresses)
            && known.truncated == trace.truncated
        {
            return Arc::clone(known);
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        let trace = Arc::new(trace);
        self.remembered.insert(addresses, Arc::clone(&trace));
        trace
    }
}

/// Go enters the kernel in an assembler function without a frame and without unwind information: the frame pointer
/// is its caller's, and following it would lose that caller.
fn is_frameless(place: &Place) -> bool {
    matches!(place, Place::File(module, _) if module.is_go && !module.has_unwind_information())
}

#[cfg(target_arch = "x86_64")]
fn return_from_frameless(
    registers: &mut UnwindRegsNative,
    memory: &mut impl Memory,
) -> Option<u64> {
    let sp = registers.sp();
    let caller = memory.word(sp)?;
    registers.set_sp(sp.checked_add(8)?);
    registers.set_ip(caller);
    Some(caller)
}

#[cfg(target_arch = "x86_64")]
fn native(from: Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(from.ip, from.sp, from.fp)
}

#[cfg(target_arch = "aarch64")]
fn return_from_frameless(
    registers: &mut UnwindRegsNative,
    _memory: &mut impl Memory,
) -> Option<u64> {
    Some(registers.lr())
}

#[cfg(target_arch = "aarch64")]
fn native(from: Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(from.lr, from.sp, from.fp)
}
