//! The load: short connections, bulk streams, connections that are only held.

mod hold;
mod pairs;

pub(super) use self::{
    hold::{Crowd, HoldPart, hold},
    pairs::{Tally, connections, connections_exactly, stream},
};
