//! The one door to kernel memory.
//!
//! BTF-typed pointers may be dereferenced directly, which costs half as much as a helper call; every other
//! program type has to ask `bpf_probe_read_kernel`. Code that reads is generic over the way. Either way a fault reads
//! zeros: without branches the verifier gets through long programs and loops.

use core::marker::PhantomData;

use aya_ebpf::helpers::generated;

/// A way to read kernel memory.
pub(crate) trait Memory: Copy {
    /// Reads the `T` at `base + offset`; zeros if it cannot be read.
    ///
    /// # Safety
    /// `base` must be a kernel pointer of the kind that the implementation accepts.
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T;

    /// The `struct tcp_sock` that begins where the `struct sock` does; null if it is none.
    ///
    /// # Safety
    /// See [`read`](Self::read).
    unsafe fn tcp(sock: *const u8) -> *const u8;
}

/// Plain loads. The verifier accepts them only through BTF-typed pointers, at offsets it knows.
#[derive(Clone, Copy)]
pub(crate) struct Direct;

/// `bpf_probe_read_kernel`: any address.
#[derive(Clone, Copy)]
pub(crate) struct Probe;

impl Memory for Direct {
    #[inline(always)]
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T {
        let at = base.wrapping_add(offset as usize).cast::<T>();
        // SAFETY: the verifier proves that the pointer is typed and the offset is inside the type.
        unsafe { at.read_volatile() }
    }

    #[inline(always)]
    unsafe fn tcp(sock: *const u8) -> *const u8 {
        // SAFETY: the verifier proves that it is a socket.
        unsafe { generated::bpf_skc_to_tcp_sock(sock.cast_mut().cast()) }.cast()
    }
}

impl Memory for Probe {
    #[inline(always)]
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T {
        let mut value = T::default();
        read_to(base, offset, &mut value);
        value
    }

    #[inline(always)]
    unsafe fn tcp(sock: *const u8) -> *const u8 {
        sock
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

    /// The same pointer as the `struct tcp_sock` that it begins; null if it is none.
    #[inline(always)]
    pub(crate) fn tcp(self) -> Self {
        Self {
            // SAFETY: as for `get`.
            address: unsafe { M::tcp(self.address) },
            way: PhantomData,
        }
    }

    /// The same pointer, read through the helper: for members behind the end of its BTF type.
    #[inline(always)]
    pub(crate) const fn probed(self) -> Pointer<Probe> {
        Pointer {
            address: self.address,
            way: PhantomData,
        }
    }

    /// Reads the member at `offset` to where it is wanted, without a copy on the stack.
    #[inline(always)]
    pub(crate) fn fill<T: Copy>(self, offset: u32, into: &mut T) {
        read_to(self.address, offset, into);
    }
}

#[inline(always)]
fn read_to<T: Copy>(base: *const u8, offset: u32, into: &mut T) {
    let at = base.wrapping_add(offset as usize);
    // SAFETY: the helper checks the source itself and fills the whole destination, with zeros if it fails.
    unsafe {
        generated::bpf_probe_read_kernel(
            core::ptr::from_mut(into).cast(),
            size_of::<T>() as u32,
            at.cast(),
        );
    }
}
