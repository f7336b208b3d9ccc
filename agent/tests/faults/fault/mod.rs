//! The faults, by what breaks.

pub(crate) mod churn;
pub(crate) mod descriptors;
pub(crate) mod killed;
pub(crate) mod memory;
pub(crate) mod outputs;
pub(crate) mod proc;
pub(crate) mod stopped;
pub(crate) mod tables;
