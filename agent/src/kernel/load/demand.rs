//! What is attached now and what is told: hooks that only somebody who listens needs come and go with him.

use std::time::{Duration, Instant};

use aya::maps::{Array, MapData};
use finback_common::hook::{Hook, Signal};
use finback_common::interest as bit;
use finback_common::map;

use super::attach::Programs;
use super::plan::{Plan, hooks};
use super::report::{HookReport, Means};
use crate::kernel::error::KernelError;
use crate::kernel::table::{Lives, Marks};
use finback_core::model::interest::Interest;
use finback_core::model::state::TcpState;

/// So long after the last mark the hooks that it needed stay: the next finding is often near.
const LINGER: Duration = Duration::from_secs(10);

/// The hooks and the word that steers them.
pub(in crate::kernel) struct Demand {
    pub(in crate::kernel) programs: Programs,
    word: Array<MapData, u64>,
    plan: Plan,
    lives: Lives,
    interest: Interest,
    /// The last moment at which a socket was marked.
    marked: Option<Instant>,
}

impl Demand {
    /// Detaches what nobody has asked for yet.
    pub(in crate::kernel) fn new(
        programs: Programs,
        word: Array<MapData, u64>,
        plan: Plan,
    ) -> Result<Self, KernelError> {
        let lives = Lives::take(&programs.object)?;
        let mut demand = Self {
            programs,
            word,
            plan,
            lives,
            interest: Interest::NONE,
            marked: None,
        };
        demand.settle()?;
        Ok(demand)
    }

    /// From now on this is asked for.
    pub(in crate::kernel) fn set_interest(
        &mut self,
        interest: Interest,
    ) -> Result<(), KernelError> {
        if keeps_lives(interest) && !keeps_lives(self.interest) {
            self.lives.forget()?;
        }
        self.interest = interest;
        self.settle()
    }

    /// Some socket is marked now, or none is any more.
    pub(in crate::kernel) fn marks_changed(&mut self, marks: &Marks) -> Result<(), KernelError> {
        let had = self.marked.is_some();
        if !marks.is_empty() {
            self.marked = Some(Instant::now());
        }
        if had == self.marked.is_some() {
            Ok(())
        } else {
            self.settle()
        }
    }

    /// Takes hooks away that marks have needed, some time after the last one is gone.
    pub(in crate::kernel) fn tidy(&mut self, marks: &Marks) -> Result<(), KernelError> {
        match self.marked {
            Some(at) if marks.is_empty() && at.elapsed() >= LINGER => {
                self.marked = None;
                self.settle()
            }
            _ => Ok(()),
        }
    }

    /// Nobody listens any more: what goes on without this process makes no records.
    pub(in crate::kernel) fn leave(&mut self) -> Result<(), KernelError> {
        self.marked = None;
        self.set_interest(Interest::NONE)
    }

    /// Says of each hook whether it is attached.
    pub(in crate::kernel) fn describe(&self, report: &mut HookReport) {
        for row in report
            .signals
            .iter_mut()
            .flat_map(|signal| &mut signal.hooks)
        {
            row.attached = self.programs.is_attached(row.hook);
        }
    }

    /// Makes hooks and word fit. New hooks first: what the word asks for then comes at once; old hooks last, for the
    /// same reason.
    fn settle(&mut self) -> Result<(), KernelError> {
        let wanted: Vec<Hook> = Signal::ALL
            .iter()
            .flat_map(|signal| self.hooks_of(*signal))
            .collect();
        for (hook, error) in self.programs.attach_again(&wanted) {
            tracing::warn!(program = hook.program(), error, "a hook cannot be attached");
        }
        // A twin that is about to go leaves the work to the other program.
        let is_twin = |hook: &Hook| hook.is_copy() && self.programs.is_attached(*hook);
        let twice = if wanted.iter().any(is_twin) {
            bit::TWICE
        } else {
            0
        };
        let word = self.bits() | twice;
        let written = self.word.set(0, word, 0);
        written.map_err(|error| KernelError::map(map::INTEREST, error))?;
        let old: Vec<Hook> = self
            .programs
            .attached()
            .filter(|hook| !wanted.contains(hook))
            .collect();
        for hook in old {
            if let Err(error) = self.programs.detach(hook) {
                tracing::warn!(program = hook.program(), error, "a hook cannot be detached");
            }
        }
        Ok(())
    }

    /// The loaded hooks of a signal that are needed now.
    fn hooks_of(&self, signal: Signal) -> Vec<Hook> {
        let Means::Hooks { flavour } = self.plan.means(signal) else {
            return Vec::new();
        };
        if !self.plan.is_always_attached(signal) && !self.asks_for(signal) {
            return Vec::new();
        }
        let loaded: Vec<Hook> = self.programs.loaded().collect();
        let needed = |hook: &Hook| !hook.is_copy() || keeps_lives(self.interest);
        hooks(signal, flavour)
            .filter(needed)
            .filter(|hook| loaded.contains(hook))
            .collect()
    }

    fn asks_for(&self, signal: Signal) -> bool {
        match signal {
            Signal::State => keeps_lives(self.interest) || self.marked.is_some(),
            Signal::Shutdown | Signal::Close => keeps_lives(self.interest),
            Signal::Segment => self.interest.segments,
            Signal::TimeWait => self.interest.tells(TcpState::TimeWait),
            Signal::Half
            | Signal::Reset
            | Signal::Eof
            | Signal::Open
            | Signal::Accept
            | Signal::Release => false,
        }
    }

    fn bits(&self) -> u64 {
        let interest = self.interest;
        let when = |condition, bit| if condition { bit } else { 0 };
        self.plan.ways()
            | u64::from(interest.state_bits())
            | when(!interest.is_none(), bit::OPEN | bit::END)
            | when(interest.eof, bit::EOF)
            | when(interest.segments, bit::SEGMENT)
            | when(interest.tells(TcpState::TimeWait), bit::TIME_WAIT)
            | when(keeps_lives(interest), bit::LIFE)
            | when(self.marked.is_some(), bit::MARKED)
    }
}

/// Whether lives of connections are followed: for their lines at the end, and for how long a state lasted.
const fn keeps_lives(interest: Interest) -> bool {
    interest.connections || interest.state_bits() != 0
}
