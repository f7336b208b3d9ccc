//! From registers and a copy of a stack to return addresses.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use framehop::{
    CacheNative, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder as _,
    UnwinderNative,
};
use rustc_hash::FxHashMap;

use super::ask;
use super::module::Module;
use crate::process::stack::wire::{Lies, MAX_FRAMES, Order, Reply, Socket, Step, unexpected};

/// Processes whose mappings are remembered. All are forgotten at once: the daemon tells them again.
const MAX_IMAGES: usize = 64;
/// Mappings of one process that are remembered.
const MAX_MAPPINGS: usize = 1024;
/// Files that are remembered.
const MAX_MODULES: usize = 256;
/// Bytes of unwind information that are remembered.
const MAX_BYTES: usize = 256 << 20;
/// The unwinder numbers its sets of modules with 16 bits; before they are used up, its cache must go.
const GENERATIONS: u32 = 60_000;

type Native = UnwinderNative<Arc<[u8]>, MayAllocateDuringUnwind>;

/// A stack to be unwound.
pub(super) struct Job {
    pub(super) image: u64,
    pub(super) registers: [u64; 4],
    pub(super) start: u64,
    pub(super) bytes: Box<[u8]>,
}

impl Job {
    fn word(&self, address: u64) -> Option<u64> {
        let at = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(at..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    }
}

/// The files and mappings met so far.
#[derive(Default)]
pub(super) struct Unwinder {
    images: FxHashMap<u64, Image>,
    modules: FxHashMap<u64, Option<Arc<Module>>>,
    /// Of all modules.
    bytes: usize,
    cache: CacheNative<MayAllocateDuringUnwind>,
    generations: u32,
}

/// The mappings of a process that its stacks led to.
struct Image {
    native: Native,
    known: Vec<Mapping>,
}

#[derive(Clone)]
struct Mapping {
    addresses: Range<u64>,
    /// The program in its file and the first byte's offset in that.
    code: Option<(Arc<Module>, u64)>,
}

impl Mapping {
    /// Where an address lies as the file counts.
    fn inside(&self, address: u64) -> Option<u64> {
        let (module, offset) = self.code.as_ref()?;
        module.address(offset.checked_add(address - self.addresses.start)?)
    }
}

impl Unwinder {
    /// Unwinds; asks for mappings and files that were not met before.
    pub(super) fn walk(&mut self, job: &Job, socket: &mut Socket) -> io::Result<Reply> {
        self.make_room();
        let [ip, ..] = job.registers;
        let mut registers = native(job.registers);
        let mut address = FrameAddress::from_instruction_pointer(ip);
        let mut spots = Vec::new();
        let truncated = loop {
            let lookup = address.address_for_lookup();
            let Some(mapping) = self.mapping(job.image, lookup, socket)? else {
                break true;
            };
            if spots.len() == MAX_FRAMES {
                break true;
            }
            let in_asm = spots.is_empty() && is_frameless(&mapping);
            spots.push(Step {
                address: address.address(),
                is_return: address.is_return_address(),
                inside: mapping.inside(lookup),
            });
            match self.caller(job, address, &mut registers, in_asm) {
                Ok(Some(caller)) => address = caller,
                Ok(None) => break false,
                Err(()) => break true,
            }
        };
        Ok(Reply::Trace { spots, truncated })
    }

    fn make_room(&mut self) {
        let images = self.images.len();
        let modules = self.modules.len();
        if images >= MAX_IMAGES || modules >= MAX_MODULES || self.bytes >= MAX_BYTES {
            *self = Self::default();
        }
    }

    /// What lies at an address; `None` for nothing executable.
    fn mapping(
        &mut self,
        image: u64,
        address: u64,
        socket: &mut Socket,
    ) -> io::Result<Option<Mapping>> {
        if let Some(image) = self.images.get(&image) {
            let mut known = image.known.iter();
            if let Some(known) = known.find(|known| known.addresses.contains(&address)) {
                return Ok(Some(known.clone()));
            }
        }
        socket.send(&Reply::WhatLies { address }, None)?;
        let Order::Lies(lies) = socket.receive()? else {
            return Err(unexpected());
        };
        let Some(lies) = lies.filter(|lies| (lies.start..lies.end).contains(&address)) else {
            return Ok(None);
        };
        self.add(image, lies, address, socket).map(Some)
    }

    /// Loads the unwind information of a mapping that was not met before.
    fn add(
        &mut self,
        image: u64,
        lies: Lies,
        address: u64,
        socket: &mut Socket,
    ) -> io::Result<Mapping> {
        let code = match lies.file {
            Some((file, offset)) => self.module(file, socket)?.map(|module| (module, offset)),
            None => None,
        };
        let mapping = Mapping {
            addresses: lies.start..lies.end,
            code,
        };
        self.generations += 1;
        if self.generations >= GENERATIONS {
            self.generations = 0;
            self.cache = CacheNative::default();
        }
        let image = self.images.entry(image).or_insert_with(|| Image {
            native: Native::new(),
            known: Vec::new(),
        });
        if image.known.len() >= MAX_MAPPINGS {
            image.native = Native::new();
            image.known.clear();
        }
        if let (Some((module, _)), Some(inside)) = (&mapping.code, mapping.inside(address)) {
            image.native.add_module(framehop::Module::new(
                String::new(),
                mapping.addresses.clone(),
                address.wrapping_sub(inside),
                module.unwind_sections(),
            ));
        }
        image.known.push(mapping.clone());
        Ok(mapping)
    }

    /// The program in a file; `None` if there is none.
    fn module(&mut self, number: u64, socket: &mut Socket) -> io::Result<Option<Arc<Module>>> {
        if let Some(module) = self.modules.get(&number) {
            return Ok(module.clone());
        }
        let file = ask::file(number, socket)?;
        let module = Module::read(&file).ok().map(Arc::new);
        let build_id = module.as_ref().and_then(|module| module.build_id.clone());
        socket.send(&Reply::Loaded { build_id }, None)?;
        self.bytes += module.as_ref().map_or(0, |module| module.size());
        self.modules.insert(number, module.clone());
        Ok(module)
    }

    fn caller(
        &mut self,
        job: &Job,
        address: FrameAddress,
        registers: &mut UnwindRegsNative,
        in_asm: bool,
    ) -> Result<Option<FrameAddress>, ()> {
        if in_asm && let Some(caller) = return_from_frameless(registers, job) {
            return Ok(FrameAddress::from_return_address(caller));
        }
        let image = self.images.get(&job.image).ok_or(())?;
        let mut read = |address| job.word(address).ok_or(());
        let caller = image
            .native
            .unwind_frame(address, registers, &mut self.cache, &mut read)
            .map_err(|_unreadable| ())?;
        Ok(caller.and_then(FrameAddress::from_return_address))
    }
}

/// Go enters the kernel in an assembler function without a frame and without unwind information: the frame pointer
/// is its caller's, and following it would lose that caller.
fn is_frameless(mapping: &Mapping) -> bool {
    let module = mapping.code.as_ref().map(|(module, _)| module);
    module.is_some_and(|module| module.is_go && !module.has_unwind_information())
}

#[cfg(target_arch = "x86_64")]
fn return_from_frameless(registers: &mut UnwindRegsNative, job: &Job) -> Option<u64> {
    let sp = registers.sp();
    let caller = job.word(sp)?;
    registers.set_sp(sp.checked_add(8)?);
    registers.set_ip(caller);
    Some(caller)
}

#[cfg(target_arch = "x86_64")]
fn native([ip, sp, fp, _]: [u64; 4]) -> UnwindRegsNative {
    UnwindRegsNative::new(ip, sp, fp)
}

#[cfg(target_arch = "aarch64")]
fn return_from_frameless(registers: &mut UnwindRegsNative, _job: &Job) -> Option<u64> {
    Some(registers.lr())
}

/// Return addresses may be signed (pointer authentication): the signature lies above the bits that addresses have, which
/// are those of the stack or of the code, whichever lies higher.
#[cfg(target_arch = "aarch64")]
fn native([ip, sp, fp, lr]: [u64; 4]) -> UnwindRegsNative {
    let addresses = framehop::aarch64::PtrAuthMask::from_max_known_address(ip.max(sp).max(1));
    UnwindRegsNative::new_with_ptr_auth_mask(addresses, lr, sp, fp)
}
