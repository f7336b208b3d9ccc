//! Which flavour to try for which signal. Pure: what a kernel refuses comes in, the next choice goes out.

use std::collections::BTreeMap;

use finback_common::hook::{Flavour, Hook, Signal};
use finback_common::interest::{HALF_BY_STATE, OPEN_BY_STATE};

use super::options::Attach;
use super::report::Means;

/// What the agent wants, and what this kernel has refused so far.
#[derive(Clone, Debug)]
pub(in crate::kernel) struct Plan {
    attach: Attach,
    refused: BTreeMap<(Signal, Flavour), String>,
}

impl Plan {
    pub(in crate::kernel) const fn new(attach: Attach) -> Self {
        Self {
            attach,
            refused: BTreeMap::new(),
        }
    }

    /// Do not try this flavour for this signal again.
    pub(in crate::kernel) fn refuse(&mut self, signal: Signal, flavour: Flavour, reason: String) {
        self.refused.entry((signal, flavour)).or_insert(reason);
    }

    /// How the signal is to come, as far as is known: hooks of the cheapest flavour that was not refused, else a
    /// way round, else nothing.
    pub(in crate::kernel) fn means(&self, signal: Signal) -> Means {
        let flavour = self
            .candidates(signal)
            .find(|flavour| !self.refused.contains_key(&(signal, *flavour)));
        if let Some(flavour) = flavour {
            return Means::Hooks { flavour };
        }
        let way_round = match self.attach {
            Attach::Auto | Attach::Forced(Flavour::Tracepoint) => way_round(signal),
            Attach::Forced(_) => None,
        };
        way_round.unwrap_or_else(|| Means::Missing {
            reason: self.reasons(signal),
        })
    }

    /// Refuses every flavour of a signal.
    pub(in crate::kernel) fn refuse_all(&mut self, signal: Signal, reason: &str) {
        for flavour in self.candidates(signal).collect::<Vec<_>>() {
            self.refuse(signal, flavour, reason.to_owned());
        }
    }

    /// Whether the changes of state have to tell of other signals too, as bits of the interest.
    pub(in crate::kernel) fn ways(&self) -> u64 {
        let by_state = |signal, bit| {
            if self.means(signal) == Means::ThroughState {
                bit
            } else {
                0
            }
        };
        by_state(Signal::Half, HALF_BY_STATE) | by_state(Signal::Open, OPEN_BY_STATE)
    }

    /// Whether the hooks of a signal stay attached.
    pub(in crate::kernel) fn is_always_attached(&self, signal: Signal) -> bool {
        signal.is_always_attached() || (signal == Signal::State && self.ways() != 0)
    }

    /// Flavours with hooks for the signal, cheapest first.
    fn candidates(&self, signal: Signal) -> impl Iterator<Item = Flavour> + use<> {
        let attach = self.attach;
        Flavour::ALL.iter().copied().filter(move |flavour| {
            let wanted = match attach {
                Attach::Auto => true,
                // A reset and the end of a socket are tracepoints in every flavour.
                Attach::Forced(_) if matches!(signal, Signal::Reset | Signal::Release) => true,
                Attach::Forced(forced) => *flavour == forced,
            };
            wanted && hooks(signal, *flavour).next().is_some()
        })
    }

    fn reasons(&self, signal: Signal) -> String {
        let reasons: Vec<String> = self
            .candidates(signal)
            .filter_map(|flavour| {
                Some(format!(
                    "{}: {}",
                    flavour.name(),
                    self.refused.get(&(signal, flavour))?
                ))
            })
            .collect();
        if reasons.is_empty() {
            return "this flavour has no hook for it".to_owned();
        }
        reasons.join("; ")
    }
}

/// The hooks of a signal in one flavour.
pub(in crate::kernel) fn hooks(signal: Signal, flavour: Flavour) -> impl Iterator<Item = Hook> {
    Hook::ALL
        .iter()
        .copied()
        .filter(move |hook| hook.signal() == signal && hook.flavour() == flavour)
}

/// What replaces a signal's own hooks. Other signals have no replacement.
const fn way_round(signal: Signal) -> Option<Means> {
    match signal {
        Signal::Half | Signal::Open | Signal::Shutdown | Signal::Close => Some(Means::ThroughState),
        Signal::Accept => Some(Means::Look),
        Signal::TimeWait => Some(Means::Sweep),
        Signal::Reset | Signal::Eof | Signal::Release | Signal::State | Signal::Segment => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn by(flavour: Flavour) -> Means {
        Means::Hooks { flavour }
    }

    #[test]
    fn the_cheapest_flavour_comes_first_and_the_next_after_a_refusal() {
        let mut plan = Plan::new(Attach::Auto);
        assert_eq!(plan.means(Signal::State), by(Flavour::Tracepoint));
        plan.refuse(Signal::State, Flavour::Tracepoint, "no".into());
        assert_eq!(plan.means(Signal::State), by(Flavour::Fentry));
        plan.refuse(Signal::State, Flavour::Fentry, "never".into());
        assert_eq!(plan.means(Signal::State), by(Flavour::Kprobe));
        plan.refuse(Signal::State, Flavour::Kprobe, "nor this".into());
        let reason = "tracepoint: no; fentry: never; kprobe: nor this".to_owned();
        assert_eq!(plan.means(Signal::State), Means::Missing { reason });
    }

    #[test]
    fn a_way_round_is_taken_only_after_every_hook() {
        let mut plan = Plan::new(Attach::Auto);
        assert_eq!(plan.means(Signal::Half), by(Flavour::Fentry));
        assert!(!plan.is_always_attached(Signal::State));
        plan.refuse(Signal::Half, Flavour::Fentry, String::new());
        plan.refuse(Signal::Half, Flavour::Kprobe, String::new());
        assert_eq!(plan.means(Signal::Half), Means::ThroughState);
        assert_eq!(plan.ways(), HALF_BY_STATE);
        assert!(plan.is_always_attached(Signal::State));
    }

    #[test]
    fn a_forced_tracepoint_flavour_goes_round_at_once() {
        let plan = Plan::new(Attach::Forced(Flavour::Tracepoint));
        assert_eq!(plan.means(Signal::Half), Means::ThroughState);
        assert_eq!(plan.means(Signal::Open), Means::ThroughState);
        assert_eq!(plan.means(Signal::Accept), Means::Look);
        assert_eq!(plan.means(Signal::TimeWait), Means::Sweep);
        assert_eq!(plan.means(Signal::Close), Means::ThroughState);
        assert_eq!(plan.ways(), HALF_BY_STATE | OPEN_BY_STATE);
    }

    #[test]
    fn a_forced_kprobe_flavour_never_goes_round_but_sees_reset_and_end() {
        let mut plan = Plan::new(Attach::Forced(Flavour::Kprobe));
        for signal in Signal::ALL {
            let expected = if matches!(signal, Signal::Reset | Signal::Release) {
                Flavour::Tracepoint
            } else {
                Flavour::Kprobe
            };
            assert_eq!(plan.means(*signal), by(expected), "{signal:?}");
        }
        plan.refuse(Signal::Open, Flavour::Kprobe, "no such file".into());
        assert!(matches!(plan.means(Signal::Open), Means::Missing { .. }));
        assert_eq!(plan.ways(), 0);
    }

    #[test]
    fn a_member_that_is_not_there_costs_its_signal() {
        let mut plan = Plan::new(Attach::Auto);
        plan.refuse_all(Signal::Segment, "no member tcp_flags");
        let Means::Missing { reason } = plan.means(Signal::Segment) else {
            panic!("{:?}", plan.means(Signal::Segment))
        };
        assert!(
            reason.contains("tracepoint: no member tcp_flags"),
            "{reason}"
        );
    }
}
