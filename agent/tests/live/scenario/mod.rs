//! The scenarios of the tests, one theme a file.

pub(crate) mod ask;
pub(crate) mod audit;
pub(crate) mod before;
pub(crate) mod both;
pub(crate) mod command;
pub(crate) mod crowd;
pub(crate) mod ends;
pub(crate) mod family;
pub(crate) mod group;
pub(crate) mod half_close;
pub(crate) mod kill;
pub(crate) mod limit;
pub(crate) mod long;
pub(crate) mod names;
pub(crate) mod namespace;
pub(crate) mod overflow;
pub(crate) mod owner;
pub(crate) mod protocol;
pub(crate) mod reload;
pub(crate) mod remedy;
mod silence;
pub(crate) mod stacks;
pub(crate) mod steered;
pub(crate) mod table;
pub(crate) mod tcpstates;
pub(crate) mod verdict;
pub(crate) mod wait;
