//! Instructions per connection, counted in guests whose clock advances by one nanosecond per instruction, and those
//! that the verifier needs. Both are counts, not times: they can be judged on any machine.

mod baseline;
mod inside;
mod outside;

pub(super) use self::{
    baseline::{Baseline, FLOOR, read as read_baseline},
    inside::{GuestPart, run as run_inside},
    outside::run as run_outside,
};
