//! What `finback kill` is about to do: which sockets, what their programs will feel, and which cannot be destroyed.

mod feel;
mod page;
mod refusal;

use std::collections::BTreeMap;

use crate::output::json::{Body, Event, Listed, State, Subject};

pub use self::page::write;
pub use self::refusal::Refusal;

/// One socket that will be destroyed.
#[derive(Clone, Copy, Debug)]
pub struct Target<'e> {
    /// Its line.
    pub event: &'e Event<'e>,
    /// Whose it is.
    pub subject: &'e Subject<'e>,
    listed: &'e Listed<'e>,
    state: State,
    /// What the kernel knows it by.
    pub cookie: u64,
}

/// What will be done, and what not.
#[derive(Debug, Default)]
pub struct Plan<'e> {
    /// These sockets.
    pub targets: Vec<Target<'e>>,
    /// So many not, with the reason.
    pub refused: BTreeMap<Refusal, u64>,
}

impl<'e> Plan<'e> {
    /// Sorts the lines of one look that were chosen. `knows` tells whether the kernel gave this cookie to a socket that
    /// can be named in a request.
    pub fn of(
        lines: impl IntoIterator<Item = &'e Event<'e>>,
        listeners: bool,
        knows: impl Fn(u64) -> bool,
    ) -> Self {
        let mut plan = Self::default();
        for event in lines {
            match target(event, listeners, &knows) {
                Some(Ok(target)) => plan.targets.push(target),
                Some(Err(refusal)) => *plan.refused.entry(refusal).or_default() += 1,
                None => {}
            }
        }
        plan
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.refused.is_empty()
    }
}

/// `None` for what is no socket's line.
fn target<'e>(
    event: &'e Event<'e>,
    listeners: bool,
    knows: impl Fn(u64) -> bool,
) -> Option<Result<Target<'e>, Refusal>> {
    let Body::Socket { subject, listed } = &event.body else {
        return None;
    };
    let state = subject.network?.connection.state;
    if let Some(refusal) = Refusal::of(state, listed, listeners) {
        return Some(Err(refusal));
    }
    let cookie = subject.socket.and_then(|socket| socket.cookie);
    Some(match cookie.filter(|cookie| knows(*cookie)) {
        Some(cookie) => Ok(Target {
            event,
            subject,
            listed,
            state,
            cookie,
        }),
        None => Err(Refusal::NoCookie),
    })
}

#[cfg(test)]
mod tests;
