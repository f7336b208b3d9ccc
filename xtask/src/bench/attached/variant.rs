//! The columns of the tables.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::super::kernel::Floor;
use super::child::Child;
use super::finback::Finback;
use super::rivals::Tools;

/// What is attached during a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variant {
    /// Nothing, as in the bursts around it: shows what the method cannot tell.
    Control,
    /// A program that returns at once, told of every change of state.
    Floor,
    /// finback, nobody subscribed.
    Quiet,
    /// finback, one reader of transitions as JSON.
    Transitions,
    /// finback, one reader of a line per connection.
    Connection,
    Tcplife,
    Tcpstates,
}

impl Variant {
    pub(crate) const ALL: [Self; 7] = [
        Self::Control,
        Self::Floor,
        Self::Quiet,
        Self::Transitions,
        Self::Connection,
        Self::Tcplife,
        Self::Tcpstates,
    ];
    /// Those that are finback.
    pub(crate) const FINBACK: [Self; 3] = [Self::Quiet, Self::Transitions, Self::Connection];

    /// For tables.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Control => "nothing (against nothing)",
            Self::Floor => "empty program",
            Self::Quiet => "finback, nobody subscribed",
            Self::Transitions => "finback, JSON transitions",
            Self::Connection => "finback, connection lines",
            Self::Tcplife => "tcplife",
            Self::Tcpstates => "tcpstates",
        }
    }
}

/// A variant at work, until it is dropped.
#[derive(Debug)]
pub(crate) enum Attached {
    Nothing,
    Floor { _floor: Floor },
    Program(Child),
}

impl Attached {
    /// CPU time of the program so far.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.child().map_or(Ok(Duration::ZERO), Child::cpu)
    }

    /// The program, if it is one.
    pub(crate) const fn child(&self) -> Option<&Child> {
        match self {
            Self::Program(child) => Some(child),
            Self::Nothing | Self::Floor { .. } => None,
        }
    }
}

/// All that is needed to attach any variant.
#[derive(Debug)]
pub(crate) struct Rivals {
    pub(crate) finback: Finback,
    tools: Result<Tools>,
}

impl Rivals {
    /// Fetches the tools; if that fails, their rows say why.
    pub(crate) fn new(finback: Finback) -> Self {
        Self {
            finback,
            tools: Tools::fetch(),
        }
    }

    /// Attaches and waits until it is ready.
    ///
    /// # Errors
    /// This finback or this machine lacks it, or it does not start.
    pub(crate) fn attach(&self, variant: Variant) -> Result<Attached> {
        match variant {
            Variant::Control => Ok(Attached::Nothing),
            Variant::Floor => Floor::attach().map(|floor| Attached::Floor { _floor: floor }),
            Variant::Quiet => self.finback.quiet().map(Attached::Program),
            Variant::Transitions => self.finback.transitions().map(Attached::Program),
            Variant::Connection => self.finback.connection().map(Attached::Program),
            Variant::Tcplife => self.tool("tcplife"),
            Variant::Tcpstates => self.tool("tcpstates"),
        }
    }

    fn tool(&self, name: &str) -> Result<Attached> {
        let tools = self
            .tools
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        tools.start(name).map(Attached::Program)
    }
}
