//! Debian's packages, fetched and unpacked below the target directory, never installed.

pub(crate) mod apt;
pub(crate) mod arch;
pub(crate) mod bootstrap;
pub(crate) mod host;
pub(crate) mod kernel;
pub(crate) mod mirror;
pub(crate) mod platform;
pub(crate) mod series;
pub(crate) mod store;
pub(crate) mod tools;
