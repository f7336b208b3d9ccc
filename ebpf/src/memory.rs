//! The one door to kernel memory.
//!
//! BTF-typed pointers may be dereferenced directly, which costs half as much as a helper call; every other
//! program type has to ask `bpf_probe_read_kernel`. A look wants nearly all of a socket's members: it copies the
//! socket once, and reads the copy. Code that reads is generic over the way. Either way a fault reads zeros: without
//! branches the verifier gets through long programs and loops.

use core::cell::UnsafeCell;
use core::marker::PhantomData;

use aya_ebpf::helpers::generated;
use finback_common::settings::SOCKET_BYTES;

use crate::globals::global;

/// A way to read kernel memory.
pub(crate) trait Memory: Copy {
    /// How members behind the end of a pointer's BTF type are read.
    type Wide: Memory<Wide = Self::Wide, Next = Probe>;
    /// How what a member points to is read.
    type Next: Memory;

    /// Reads the `T` at `base + offset`; zeros if it cannot be read.
    ///
    /// # Safety
    /// `base` must be a kernel pointer of the kind that the implementation accepts.
    unsafe fn read<T: Copy + Default>(base: *const u8, offset: u32) -> T;

    /// The same, to where it is wanted, without a copy on the stack.
    ///
    /// # Safety
    /// See [`read`](Self::read).
    #[inline(always)]
    unsafe fn fill<T: Copy>(base: *const u8, offset: u32, into: &mut T) {
        read_to(base, offset, into);
    }

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

/// The socket that was [copied](Pointer::copied) last.
#[derive(Clone, Copy)]
pub(crate) struct Copied;

impl Memory for Direct {
    type Wide = Probe;
    type Next = Self;

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
    type Wide = Self;
    type Next = Self;

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

impl Memory for Copied {
    type Wide = Self;
    type Next = Probe;

    #[inline(always)]
    unsafe fn read<T: Copy + Default>(_: *const u8, offset: u32) -> T {
        // SAFETY: the verifier knows the offset, and proves that it is inside.
        unsafe { COPY.at(offset).cast::<T>().read_volatile() }
    }

    #[inline(always)]
    unsafe fn fill<T: Copy>(_: *const u8, offset: u32, into: &mut T) {
        // SAFETY: as above.
        *into = unsafe { COPY.at(offset).cast::<T>().read() };
    }

    #[inline(always)]
    unsafe fn tcp(sock: *const u8) -> *const u8 {
        sock
    }
}

/// Room for a copied socket.
#[repr(C, align(8))]
struct Room(UnsafeCell<[u8; SOCKET_BYTES]>);

// SAFETY: one look runs at a time.
unsafe impl Sync for Room {}

impl Room {
    #[inline(always)]
    fn at(&self, offset: u32) -> *const u8 {
        self.0.get().cast::<u8>().wrapping_add(offset as usize)
    }
}

#[unsafe(no_mangle)]
static COPY: Room = Room(UnsafeCell::new([0; SOCKET_BYTES]));

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
    pub(crate) fn follow(self, offset: u32) -> Pointer<M::Next> {
        #[derive(Clone, Copy)]
        struct Raw(*const u8);
        impl Default for Raw {
            #[inline(always)]
            fn default() -> Self {
                Self(core::ptr::null())
            }
        }
        let Raw(address) = self.get::<Raw>(offset);
        Pointer {
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

    /// The same pointer, for members behind the end of its BTF type.
    #[inline(always)]
    pub(crate) const fn wide(self) -> Pointer<M::Wide> {
        Pointer {
            address: self.address,
            way: PhantomData,
        }
    }

    /// Reads the member at `offset` to where it is wanted, without a copy on the stack.
    #[inline(always)]
    pub(crate) fn fill<T: Copy>(self, offset: u32, into: &mut T) {
        // SAFETY: as for `get`.
        unsafe { M::fill(self.address, offset, into) }
    }
}

impl Pointer<Probe> {
    /// The same pointer to a full TCP socket, of which all members are read at once, until the next one is copied: some
    /// forty short reads took half of the time of a look.
    #[inline(always)]
    pub(crate) fn copied(self) -> Pointer<Copied> {
        let room = COPY.0.get().cast();
        let bytes = global!(SETTINGS.socket_bytes);
        // SAFETY: the helper checks the source itself, and the verifier that so much fits; the room is filled with zeros
        // if the read fails.
        unsafe { generated::bpf_probe_read_kernel(room, bytes, self.address.cast()) };
        Pointer {
            address: self.address,
            way: PhantomData,
        }
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
