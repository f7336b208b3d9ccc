//! The read-only globals that the agent sets before it loads the programs. The verifier knows their values, so
//! what a setting turns off costs nothing.

use finback_common::offsets::Offsets;
use finback_common::settings::Settings;

#[unsafe(no_mangle)]
pub(crate) static OFFSETS: Offsets = Offsets::UNRESOLVED;

#[unsafe(no_mangle)]
pub(crate) static SETTINGS: Settings = Settings {
    abi_version: finback_common::ABI_VERSION,
    state_mask: u32::MAX,
    accept_from_use: 0,
    wake_urgent_ns: 5_000_000,
    wake_idle_ns: 50_000_000,
    wake_bytes: 65_536,
    stack_registers: 0,
    stack_room: 0,
};

/// Reads one field of a read-only global. Volatile, because the agent changes it after compilation.
macro_rules! global {
    ($global:ident . $field:ident) => {{
        // SAFETY: a static's field is always readable.
        unsafe { core::ptr::addr_of!($crate::globals::$global.$field).read_volatile() }
    }};
}
pub(crate) use global;
