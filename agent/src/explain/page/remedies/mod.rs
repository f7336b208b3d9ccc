//! What to change, in general and in the code of this runtime.

mod go;
mod java;
mod native;
mod node;
mod php;
mod python;
mod ruby;

use super::super::case::Case;
use super::super::runtime::Runtime;
use crate::output::json::{Role, Verdict};

/// What the code must do that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fix {
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

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let Some(finding) = case.finding() else {
        return Vec::new();
    };
    let mut all = vec![finding.hint.clone().into_owned()];
    // Whoever is stopped is not to be changed.
    if finding.evidence.halted.is_none() {
        all.extend(code(finding.verdict, case.role(), case.runtime()));
    }
    all
}

/// In the words of a runtime.
pub(in super::super) fn code(verdict: Verdict, role: Role, runtime: Runtime) -> Vec<String> {
    let fix = fix(verdict, role);
    let (name, words) = match runtime {
        Runtime::Go => ("In Go: ", go::advice(fix)),
        Runtime::Java => ("In Java: ", java::advice(fix)),
        Runtime::Python => ("In Python: ", python::advice(fix)),
        Runtime::Node => ("In Node.js: ", node::advice(fix)),
        Runtime::Ruby => ("In Ruby: ", ruby::advice(fix)),
        Runtime::Php => ("In PHP: ", php::advice(fix)),
        Runtime::Native => ("In C, C++ or Rust: ", native::advice(fix)),
    };
    let mut all = vec![format!("{name}{words}")];
    // No name tells a program in Go from one in C.
    if runtime == Runtime::Native {
        all.push(format!("If it is written in Go: {}", go::advice(fix)));
    }
    all
}

const fn fix(verdict: Verdict, role: Role) -> Fix {
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
