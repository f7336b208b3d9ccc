//! The read-only globals that the agent sets before it loads the programs, and the one word that it writes at any
//! time. The verifier knows the values of the former, so what a setting turns off costs nothing.

use core::cell::UnsafeCell;

use finback_common::offsets::Offsets;
use finback_common::place::OPENER_PLACES;
use finback_common::settings::Settings;

#[unsafe(no_mangle)]
pub(crate) static OFFSETS: Offsets = Offsets::UNRESOLVED;

#[unsafe(no_mangle)]
pub(crate) static SETTINGS: Settings = Settings {
    abi_version: finback_common::ABI_VERSION,
    opener_places: OPENER_PLACES,
    ignored_pid: 0,
    wake_urgent_ns: 5_000_000,
    wake_idle_ns: 50_000_000,
    wake_bytes: 65_536,
    stack_registers: 0,
    stack_room: 0,
    socket_bytes: 0,
};

/// Reads one field of a read-only global. Volatile, because the agent changes it after compilation.
macro_rules! global {
    ($global:ident . $field:ident) => {{
        // SAFETY: a static's field is always readable.
        unsafe { core::ptr::addr_of!($crate::globals::$global.$field).read_volatile() }
    }};
}
pub(crate) use global;

/// Whether this kernel has a member. What is not there is dropped from the program.
macro_rules! has {
    ($field:ident) => {
        $crate::globals::global!(OFFSETS.$field) != finback_common::offsets::MISSING
    };
}
pub(crate) use has;

/// A word that the agent writes whole.
#[repr(transparent)]
struct Word(UnsafeCell<u64>);

// SAFETY: the value is a plain number that is read and written whole.
unsafe impl Sync for Word {}

#[unsafe(no_mangle)]
#[unsafe(link_section = ".data.interest")]
static INTEREST: Word = Word(UnsafeCell::new(0));

/// What is to be told now: bits of [`finback_common::interest`].
#[inline(always)]
pub(crate) fn interest() -> u64 {
    // SAFETY: see Word.
    unsafe { INTEREST.0.get().read_volatile() }
}
