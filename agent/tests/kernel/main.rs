//! The kernel side on the kernel that runs the test: loads everything, proves the hooks, looks at real sockets. What
//! differs between flavours is shown in each that this kernel offers.
//!
//! Needs root.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::use_debug,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails; what it prints is shown when it does"
)]

mod flavour;
mod half;
mod look;
mod measure;
mod record;
mod rig;
