//! What is measured side by side: finback in its modes, the tools that do a part of its work, the floor, and nothing.

mod child;
mod finback;
mod rivals;
mod status;
mod variant;

pub(super) use self::{
    child::{Child, ended_cpu, own_cpu},
    finback::Finback,
    variant::{Attached, Rivals, Variant},
};
