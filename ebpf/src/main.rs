//! finback's kernel programs: one folder of signals, each with one implementation that every attach flavour
//! shares. Entry points (`programs/`) only fetch arguments; `signal/` decides; `memory.rs` is the only door to
//! kernel memory, `maps.rs`, `place.rs` and `ring.rs` the only ones to what the agent reads.
//!
//! Built for any other target than BPF it is an empty program, so that the pure parts can be tested there.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![expect(
    clippy::inline_always,
    reason = "a call costs stack, of which a program has 512 bytes, and hides types from the verifier"
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the kernel's integers are narrower than the registers and helpers that carry them"
    ),
    expect(
        clippy::needless_pass_by_value,
        reason = "the macros that make entry points pass the context by value"
    )
)]

#[cfg(target_arch = "bpf")]
mod globals;
#[cfg(target_arch = "bpf")]
mod iterator;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod memory;
#[cfg(target_arch = "bpf")]
mod place;
#[cfg(target_arch = "bpf")]
mod programs;
#[cfg(target_arch = "bpf")]
mod registers;
#[cfg(target_arch = "bpf")]
mod ring;
#[cfg(target_arch = "bpf")]
mod signal;
#[cfg(target_arch = "bpf")]
mod sock;
#[cfg(target_arch = "bpf")]
mod stack;
#[cfg(target_arch = "bpf")]
mod task;
#[cfg(target_arch = "bpf")]
mod time;

#[cfg_attr(
    not(target_arch = "bpf"),
    expect(
        dead_code,
        reason = "the programs that use it exist for BPF only; here it is only tested"
    )
)]
mod rule;

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Tracing helpers are open to GPL-compatible programs only (`kernel/bpf/verifier.c`, `gpl_only`).
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
