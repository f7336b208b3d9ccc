//! The one door to kernel memory.
//!
//! BTF-typed pointers may be dereferenced directly, which costs half as much as a helper call; every other
//! program type has to ask `bpf_probe_read_kernel`. Code that reads is generic over the way.

use core::marker::PhantomData;

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated};
use finback_common::counter::Counter;

use crate::maps;

/// A way to read kernel memory.
pub(crate) trait Memory: Copy {
    /// The way that also reads what lies behind the end of the pointer's type.
    type Beyond: Memory;

    /// Reads the `T` at `base + offset`; zeros if it cannot be read.
    ///
    /// # Safety
    /// `base` must be a kernel pointer of the kind that the implementation accepts.
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T;
}

/// Plain loads. The verifier accepts them only through BTF-typed pointers, at offsets it knows, and the kernel
/// handles a fault by reading zeros.
#[derive(Clone, Copy)]
pub(crate) struct Direct;

/// `bpf_probe_read_kernel`: any address, a fault is an error that gets counted.
#[derive(Clone, Copy)]
pub(crate) struct Probe;

/// `bpf_probe_read_kernel` without a look at its result: a fault reads zeros, which the iterator's filters turn
/// away. Without branches the verifier gets through its loop.
#[derive(Clone, Copy)]
pub(crate) struct Quiet;

impl Memory for Direct {
    type Beyond = Probe;

    #[inline(always)]
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T {
        let at = base.wrapping_add(offset as usize).cast::<T>();
        // SAFETY: the verifier proves that the pointer is typed and the offset is inside the type.
        unsafe { at.read_volatile() }
    }
}

impl Memory for Probe {
    type Beyond = Self;

    #[inline(always)]
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T {
        let at = base.wrapping_add(offset as usize).cast::<T>();
        // SAFETY: the helper checks the address itself.
        let read = unsafe { bpf_probe_read_kernel(at) };
        read.unwrap_or_else(|_| {
            maps::count(Counter::ReadFailed);
            T::default()
        })
    }
}

impl Memory for Quiet {
    type Beyond = Self;

    #[inline(always)]
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T {
        let at = base.wrapping_add(offset as usize);
        let mut value = T::default();
        // SAFETY: the helper checks the source itself and fills the whole destination, with zeros if it fails.
        unsafe {
            generated::bpf_probe_read_kernel(
                core::ptr::from_mut(&mut value).cast(),
                size_of::<T>() as u32,
                at.cast(),
            );
        }
        value
    }
}

/// A pointer into the kernel and the way to read through it.
pub(crate) struct Pointer<M> {
    address: *const u8,
    way: PhantomData<M>,
}

impl<M> Clone for Pointer<M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Pointer<M> {}

impl<M: Memory> Pointer<M> {
    /// # Safety
    /// See [`Memory::read`].
    #[inline(always)]
    pub(crate) const unsafe fn new(address: *const u8) -> Self {
        Self {
            address,
            way: PhantomData,
        }
    }

    /// Its number: a name, never to be dereferenced again. The verifier forbids arithmetic with a typed pointer, but
    /// takes the negative of one for a plain number.
    #[inline(always)]
    pub(crate) fn address(self) -> u64 {
        let mut number = self.address as u64;
        // SAFETY: one instruction on one register.
        unsafe {
            core::arch::asm!("{0} = -{0}", inout(reg) number, options(pure, nomem, nostack));
        }
        number.wrapping_neg()
    }

    #[inline(always)]
    pub(crate) fn is_null(self) -> bool {
        self.address.is_null()
    }

    /// The member at `offset`.
    #[inline(always)]
    pub(crate) fn get<T: Copy + Default>(self, offset: u32) -> T {
        // SAFETY: `new` promised that the pointer suits the way.
        unsafe { M::read(self.address, offset) }
    }

    /// The pointer that is the member at `offset`; its type is the verifier's to know.
    #[inline(always)]
    pub(crate) fn follow(self, offset: u32) -> Self {
        #[derive(Clone, Copy)]
        struct Raw(*const u8);
        impl Default for Raw {
            #[inline(always)]
            fn default() -> Self {
                Self(core::ptr::null())
            }
        }
        let Raw(address) = self.get::<Raw>(offset);
        Self {
            address,
            way: PhantomData,
        }
    }

    /// The same pointer, read through the helper: for members behind the end of its BTF type.
    #[inline(always)]
    pub(crate) const fn probed(self) -> Pointer<M::Beyond> {
        Pointer {
            address: self.address,
            way: PhantomData,
        }
    }
}

/// Reads the member at `offset` to where it is wanted, without a copy on the stack; zeros if it cannot be read.
#[inline(always)]
pub(crate) fn copy<T: Copy>(from: Pointer<Probe>, offset: u32, into: &mut T) {
    let at = from.address.wrapping_add(offset as usize);
    // SAFETY: the helper checks the source itself and fills the whole destination, with zeros if it fails.
    let failed = unsafe {
        generated::bpf_probe_read_kernel(
            core::ptr::from_mut(into).cast(),
            size_of::<T>() as u32,
            at.cast(),
        )
    };
    if failed != 0 {
        maps::count(Counter::ReadFailed);
    }
}

/// Reads the member at `offset` to where it is wanted; zeros if it cannot be read.
#[inline(always)]
pub(crate) fn fill<T: Copy, M: Memory>(from: Pointer<M>, offset: u32, into: &mut T) {
    let at = from.address.wrapping_add(offset as usize);
    // SAFETY: the helper checks the source itself and fills the whole destination, with zeros if it fails.
    unsafe {
        generated::bpf_probe_read_kernel(
            core::ptr::from_mut(into).cast(),
            size_of::<T>() as u32,
            at.cast(),
        );
    }
}
