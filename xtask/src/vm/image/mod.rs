//! A guest's file system: an initramfs of packages, modules and what is tested.

pub(crate) mod built;
mod cpio;
mod debian;
mod elf;
pub(crate) mod initramfs;
mod modules;
mod python;
pub(crate) mod userland;
