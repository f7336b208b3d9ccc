//! What is measured, one file per row.

mod burst;
mod crowd;
mod daemon;
mod loss;
mod start;

pub(super) use self::{
    burst::measure as burst, crowd::measure as crowd, daemon::measure as daemon,
    loss::measure as loss, start::measure as start,
};
