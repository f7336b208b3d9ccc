//! Which flavour to try for which signal. Pure: what a kernel refuses comes in, the next choice goes out.

use std::collections::BTreeMap;

use finback_common::hook::{Flavour, Hook, Signal};
use finback_common::settings::Settings;

use super::options::{Attach, Options};
use super::report::Means;

/// What the agent wants, and what this kernel has refused so far.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    attach: Attach,
    segment: bool,
    stack_registers: u32,
    refused: BTreeMap<(Signal, Flavour), String>,
}

impl Plan {
    /// `stack_registers`: where a thread's registers lie above the start of its kernel stack, 0 to take no stacks.
    pub(super) const fn new(options: &Options, stack_registers: u32) -> Self {
        Self {
            attach: options.attach,
            segment: options.segment,
            stack_registers,
            refused: BTreeMap::new(),
        }
    }

    /// Do not try this flavour for this signal again.
    pub(super) fn refuse(&mut self, signal: Signal, flavour: Flavour, reason: String) {
        self.refused.entry((signal, flavour)).or_insert(reason);
    }

    /// How the signal is to come, as far as is known: hooks of the cheapest flavour that was not refused, else a
    /// way round, else nothing.
    pub(super) fn means(&self, signal: Signal) -> Means {
        if signal == Signal::Segment && !self.segment {
            return Means::Off;
        }
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

    /// Flavours with hooks for the signal, cheapest first.
    fn candidates(&self, signal: Signal) -> impl Iterator<Item = Flavour> {
        let attach = self.attach;
        Flavour::ALL.iter().copied().filter(move |flavour| {
            let wanted = match attach {
                Attach::Auto => true,
                // The end of a socket is a tracepoint in every flavour: without it the map would only grow.
                Attach::Forced(_) if signal == Signal::Gone => true,
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

    /// The switches that this plan asks for. They are frozen when the object is loaded.
    pub(super) fn settings(&self, options: &Options) -> Settings {
        Settings {
            abi_version: finback_common::ABI_VERSION,
            state_mask: options.state_mask,
            accept_from_use: u32::from(self.means(Signal::Accept) == Means::IteratorAndFirstUse),
            wake_urgent_ns: 5_000_000,
            wake_idle_ns: 50_000_000,
            wake_bytes: options.ring_bytes.min(256 << 10) / 4,
            stack_registers: self.stack_registers,
            stack_room: options.ring_bytes / 4,
        }
    }
}

/// The hooks of a signal in one flavour.
pub(super) fn hooks(signal: Signal, flavour: Flavour) -> impl Iterator<Item = Hook> {
    Hook::ALL
        .iter()
        .copied()
        .filter(move |hook| hook.signal() == signal && hook.flavour() == flavour)
}

/// What replaces a signal's own hooks. Other signals have no replacement.
const fn way_round(signal: Signal) -> Option<Means> {
    match signal {
        Signal::Open | Signal::Shutdown | Signal::Close => Some(Means::ThroughState),
        Signal::Accept => Some(Means::IteratorAndFirstUse),
        Signal::TimeWait => Some(Means::Sweep),
        Signal::State | Signal::Segment | Signal::Eof | Signal::Write | Signal::Gone => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(attach: Attach) -> Plan {
        Plan::new(
            &Options {
                attach,
                ..Options::default()
            },
            0,
        )
    }

    const fn by(flavour: Flavour) -> Means {
        Means::Hooks { flavour }
    }

    #[test]
    fn the_cheapest_flavour_comes_first_and_the_next_after_a_refusal() {
        let mut plan = plan(Attach::Auto);
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
        let mut plan = plan(Attach::Auto);
        assert_eq!(plan.means(Signal::Open), by(Flavour::Fentry));
        plan.refuse(Signal::Open, Flavour::Fentry, String::new());
        plan.refuse(Signal::Open, Flavour::Kprobe, String::new());
        assert_eq!(plan.means(Signal::Open), Means::ThroughState);
    }

    #[test]
    fn a_forced_tracepoint_flavour_goes_round_at_once() {
        let plan = plan(Attach::Forced(Flavour::Tracepoint));
        assert_eq!(plan.means(Signal::Open), Means::ThroughState);
        assert_eq!(plan.means(Signal::Accept), Means::IteratorAndFirstUse);
        assert_eq!(plan.means(Signal::TimeWait), Means::Sweep);
        assert_eq!(plan.means(Signal::Close), Means::ThroughState);
        assert_eq!(plan.settings(&Options::default()).accept_from_use, 1);
    }

    #[test]
    fn a_forced_kprobe_flavour_never_goes_round_but_sees_the_end() {
        let mut plan = plan(Attach::Forced(Flavour::Kprobe));
        for signal in Signal::ALL {
            let expected = if *signal == Signal::Gone {
                Flavour::Tracepoint
            } else {
                Flavour::Kprobe
            };
            assert_eq!(plan.means(*signal), by(expected), "{signal:?}");
        }
        plan.refuse(Signal::Open, Flavour::Kprobe, "no such file".into());
        assert!(matches!(plan.means(Signal::Open), Means::Missing { .. }));
    }

    #[test]
    fn segment_can_be_turned_off() {
        let options = Options {
            segment: false,
            ..Options::default()
        };
        assert_eq!(Plan::new(&options, 0).means(Signal::Segment), Means::Off);
    }
}
