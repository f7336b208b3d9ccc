//! What the code must do that it does not.

use crate::output::json::{Role, Verdict};

/// What to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fix {
    /// Close what a server has accepted when its client ends it.
    CloseAccepted,
    /// Close what a client has opened, and read answers to their end.
    CloseOpened,
    /// Let a pool drop idle connections before the server does.
    Pool,
    /// Accept.
    Accept,
    /// Leave a loop at the end.
    LeaveLoop,
    /// Not pass descriptors on.
    NotInherit,
    /// Go on reading.
    Read,
    /// Not wait for ever for somebody who is gone.
    Deadline,
    /// Not wait for ever for the peer to close.
    EndOfPeer,
    /// Use connections again.
    Reuse,
}

/// What a verdict asks for.
pub(super) const fn of(verdict: Verdict, role: Role) -> Fix {
    match (verdict, role) {
        (
            Verdict::EofUnread | Verdict::EofNotRequested | Verdict::NotClosed | Verdict::DeadOpen,
            Role::Client,
        ) => Fix::CloseOpened,
        (
            Verdict::EofUnread | Verdict::EofNotRequested | Verdict::NotClosed | Verdict::DeadOpen,
            Role::Server | Role::Unknown,
        ) => Fix::CloseAccepted,
        (Verdict::StalePooled | Verdict::WriteAfterFin, _) => Fix::Pool,
        (Verdict::NeverAccepted, _) => Fix::Accept,
        (Verdict::EofSpin, _) => Fix::LeaveLoop,
        (Verdict::Inherited, _) => Fix::NotInherit,
        (Verdict::NeverReads, _) => Fix::Read,
        (Verdict::DeadPeer, _) => Fix::Deadline,
        (Verdict::PeerNotClosing, _) => Fix::EndOfPeer,
        (Verdict::TimeWaitPressure, _) => Fix::Reuse,
    }
}
