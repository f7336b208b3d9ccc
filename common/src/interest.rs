//! The word that says what the kernel programs are to tell: the union of what all subscribers ask for. The agent
//! writes it whole, at any time; where nobody asks for anything it is 0.

/// Bits 0 to 15: a change to the state of this number (see [`tcp`](crate::tcp)) makes a record.
pub const STATES: u64 = 0xffff;
/// The opening of a connection makes a record.
pub const OPEN: u64 = 1 << 16;
/// The end of a socket makes a record.
pub const END: u64 = 1 << 17;
/// The first delivery of an end-of-stream makes a record.
pub const EOF: u64 = 1 << 18;
/// A FIN or RST that is not accepted at once makes a record.
pub const SEGMENT: u64 = 1 << 19;
/// Minisocks make records.
pub const TIME_WAIT: u64 = 1 << 20;
/// Moments of connections' lives are kept ([`LifePlace`](crate::place::LifePlace)), with calls of shutdown and close.
pub const LIFE: u64 = 1 << 21;
/// Some socket is marked: every change of a marked one makes a record.
pub const MARKED: u64 = 1 << 22;
/// Hooks are being proven: they count what they do.
pub const PROVING: u64 = 1 << 23;
/// No hook of its own tells of a FIN: the change of state does.
pub const HALF_BY_STATE: u64 = 1 << 24;
/// No hook of its own tells of a connect: the change of state does.
pub const OPEN_BY_STATE: u64 = 1 << 25;

/// Two programs are on the hook of the changes of state.
pub const TWICE: u64 = 1 << 26;

/// Bits for which the agent need not be asked again: they say how signals come, not what is wanted.
pub const WAYS: u64 = HALF_BY_STATE | OPEN_BY_STATE;
