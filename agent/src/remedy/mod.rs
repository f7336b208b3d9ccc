//! Remedies: what the configuration wants done about incidents, by rule, not more often than it allows, and told.
//!
//! A reader of the feed like any other ([`Keeper`]), on a thread of its own: it may be slow and stops nobody. What it
//! wants of the daemon, a look at the sockets, it asks for as the server does; each decision goes back as a line of the
//! stream.

mod case;
mod exec;
mod keeper;
mod kill;
mod ledger;
mod metrics;
mod outcome;
pub mod policy;
mod statistics;
#[cfg(test)]
mod tests;
mod trusted;
mod webhook;

use std::path::Path;

use self::policy::{Action, Policy};

pub use self::keeper::{Decided, Desk, Handle, Keeper, SLOW};
pub use self::statistics::{Count, Statistics};
pub use self::trusted::Distrust;

/// A remedy that is not safe to have.
#[derive(Debug, thiserror::Error)]
#[error("remedy `{name}` is refused: {distrust}")]
pub struct Unsafe {
    /// Its name.
    pub name: String,
    /// Why.
    pub distrust: Distrust,
}

/// Whether all that they would run can be trusted.
pub fn check(policies: &[Policy]) -> Result<(), Unsafe> {
    for policy in policies {
        if let Some(command) = command(&policy.action) {
            trusted::check(command).map_err(|distrust| Unsafe {
                name: policy.name.clone(),
                distrust,
            })?;
        }
    }
    Ok(())
}

fn command(action: &Action) -> Option<&Path> {
    match action {
        Action::Exec { command, .. } => Some(command),
        Action::Kill { .. } | Action::Webhook { .. } => None,
    }
}
