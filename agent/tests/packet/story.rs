//! What the stream said about one connection of a test.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::daemon::lines;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// A change of state and its cause, as the stream names them.
pub(crate) type Step<'a> = (&'a str, &'a str);

impl Watch<'_> {
    /// The cause of the FIN that the kernel sends when the application closes: only a hook on the closing itself
    /// tells it from shutdown.
    pub(crate) fn app_close(&self) -> &'static str {
        match self.daemon().flavour("close") {
            Some("kprobe" | "fentry") => "app_close",
            _ => "fin_sent",
        }
    }

    /// Everything about it so far.
    pub(crate) fn told(&self, ends: Ends) -> Vec<Event> {
        self.select(|event| ends.is_of(event))
    }

    /// Waits for the last of these changes, then compares all of them: from the end of the handshake on, none
    /// missing, none twice, none without the right cause.
    pub(crate) fn expect_steps(&self, ends: Ends, expected: &[Step<'_>]) -> Result<()> {
        if let Some((to, _)) = expected.last() {
            self.transition(ends, to)?;
        }
        let told = self.told(ends);
        let steps: Vec<Step<'_>> = told
            .iter()
            .filter_map(|event| event.transition.as_ref())
            // Whether these are told depends on the flavour: the addresses are not complete yet.
            .filter(|change| !matches!(change.to, "syn_sent" | "syn_received"))
            .map(|change| (change.to, change.cause))
            .collect();
        ensure!(
            steps == expected,
            "told {steps:?}, expected {expected:?}:\n{}",
            lines(&told)
        );
        Ok(())
    }

    /// Waits until this finding has this verdict.
    pub(crate) fn becomes(&self, opened: &Finding, verdict: &str) -> Result<()> {
        let what = format!("{verdict} in finding {}", opened.id);
        let is_it = |event: &Event| {
            let finding = event.finding.as_ref();
            finding.is_some_and(|now| now.id == opened.id && now.verdict == verdict)
        };
        self.wait_for(&what, is_it).map(drop)
    }

    /// Waits this long and fails if there is a finding about it.
    pub(crate) fn expect_no_finding(&self, ends: Ends, time: Duration) -> Result<()> {
        std::thread::sleep(time);
        self.check_no_finding(ends)
    }

    /// Fails if there has been a finding about it.
    pub(crate) fn check_no_finding(&self, ends: Ends) -> Result<()> {
        let told = self.told(ends);
        let flagged = told.iter().any(|event| event.finding.is_some());
        ensure!(!flagged, "flagged:\n{}", lines(&told));
        Ok(())
    }

    /// Fails if it has entered this state.
    pub(crate) fn check_never(&self, ends: Ends, state: &str) -> Result<()> {
        let told = self.told(ends);
        let entered = told.iter().any(|event| event.to() == Some(state));
        ensure!(!entered, "entered {state}:\n{}", lines(&told));
        Ok(())
    }

    /// Fails if it has not entered this state exactly once.
    pub(crate) fn check_once(&self, ends: Ends, state: &str) -> Result<()> {
        let told = self.told(ends);
        let times = told
            .iter()
            .filter(|event| event.to() == Some(state))
            .count();
        ensure!(
            times == 1,
            "entered {state} {times} times:\n{}",
            lines(&told)
        );
        Ok(())
    }
}
