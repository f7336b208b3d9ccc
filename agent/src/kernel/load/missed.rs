//! How often a hook was reached and no program ran, because it was running on that CPU already (`recursion_misses` of
//! `struct bpf_prog_info`, since 5.12).

use std::collections::BTreeMap;

use finback_common::hook::Hook;

use super::attach::Programs;
use super::runs;

/// Adds up what was missed between two reads.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Missed {
    last: BTreeMap<Hook, u64>,
}

impl Missed {
    /// So many since the last call. One file per attached program is read.
    pub(in crate::kernel) fn update(&mut self, programs: &Programs) -> u64 {
        let now: BTreeMap<Hook, u64> = programs
            .attached()
            .map(|hook| (hook, runs::missed(&programs.object, hook)))
            .collect();
        self.add(now)
    }

    fn add(&mut self, now: BTreeMap<Hook, u64>) -> u64 {
        let since = |hook: &Hook, now: u64| {
            // Loaded anew, its count begins at nothing.
            now.saturating_sub(self.last.get(hook).copied().unwrap_or(0))
        };
        let news: BTreeMap<Hook, u64> = now
            .iter()
            .map(|(hook, count)| (*hook, since(hook, *count)))
            .collect();
        let twin = |hook: &Hook| {
            let is_it = |other: &&Hook| {
                other.is_copy() && (other.target(), other.kind()) == (hook.target(), hook.kind())
            };
            news.keys()
                .find(is_it)
                .and_then(|twin| news.get(twin))
                .copied()
        };
        // What one of two saw is not missed.
        let missed = news
            .iter()
            .filter(|(hook, _)| !hook.is_copy())
            .map(|(hook, missed)| twin(hook).map_or(*missed, |twin| twin.min(*missed)));
        let missed = missed.sum();
        if missed > 0 {
            tracing::debug!(?news, "interrupts found programs at work");
        }
        self.last.extend(now);
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_of_two_saw_is_not_missed() {
        let mut missed = Missed::default();
        let alone = |count| BTreeMap::from([(Hook::TpSetState, count)]);
        let both = |first, twin| {
            BTreeMap::from([(Hook::TpSetState, first), (Hook::TpSetStateAgain, twin)])
        };
        assert_eq!(missed.add(alone(7)), 7);
        assert_eq!(missed.add(both(10, 1)), 1);
        assert_eq!(missed.add(both(10, 5)), 0);
        assert_eq!(missed.add(alone(12)), 2);
        assert_eq!(
            missed.add(BTreeMap::from([(Hook::FeFin, 2), (Hook::TpSetState, 12)])),
            2
        );
    }
}
