//! What the kernel's types may not tell.

use thiserror::Error;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BtfError {
    /// Not BTF, or cut off.
    #[error("malformed type information at byte {0}")]
    Malformed(usize),
    /// Big-endian or an unknown format version.
    #[error("type information in a format this machine does not use")]
    Format,
    /// No struct or union of that name.
    #[error("this kernel has no struct {0}")]
    NoStruct(String),
    /// The struct has no such member.
    #[error("this kernel has no member {path} in struct {strukt}")]
    NoMember {
        /// Name of the struct.
        strukt: String,
        /// Dotted path of the member.
        path: String,
    },
    /// The member has another size than the programs read.
    #[error("{strukt}.{path} takes {bytes} bytes, {wanted} were expected")]
    Size {
        /// Name of the struct.
        strukt: String,
        /// Dotted path of the member.
        path: String,
        /// So many bytes it takes.
        bytes: u32,
        /// So many are read.
        wanted: u32,
    },
    /// A member of a socket lies behind the end of what a look copies.
    #[error("a struct {strukt} takes {bytes} bytes up to its member {path}, a look reads {room}")]
    Far {
        /// Name of the struct.
        strukt: String,
        /// Dotted path of the member.
        path: String,
        /// Where the member ends.
        bytes: u32,
        /// So many are read.
        room: usize,
    },
    /// The member does not begin at a byte.
    #[error("{strukt}.{path} is a bit field")]
    BitField {
        /// Name of the struct.
        strukt: String,
        /// Dotted path of the member.
        path: String,
    },
}
