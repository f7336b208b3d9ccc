//! Users of this machine who mean no good, or are more than anybody expects.

pub(crate) mod http;
pub(crate) mod many;
pub(crate) mod names;
