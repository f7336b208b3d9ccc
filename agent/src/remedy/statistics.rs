//! How often each remedy has decided what.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::policy::Policy;
use crate::output::json::{Decision, RemedyAction};

/// What a remedy has decided since the daemon's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What it does.
    pub action: RemedyAction,
    /// It only says what it would do.
    pub dry_run: bool,
    /// How often it was decided so.
    pub decisions: BTreeMap<Decision, u64>,
}

/// Counts by remedy, those of the configuration that is in force.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<BTreeMap<String, Count>>);

impl Statistics {
    /// As they are now.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.lock().clone()
    }

    /// These remedies from now on; those of the same name go on counting.
    pub(super) fn set(&self, policies: &[Policy]) {
        let mut counts = self.lock();
        let before = std::mem::take(&mut *counts);
        for policy in policies {
            let known = before.get(&policy.name);
            let decisions = known.map(|count| count.decisions.clone());
            let count = Count {
                action: policy.action.kind(),
                dry_run: policy.dry_run,
                decisions: decisions
                    .unwrap_or_else(|| Decision::ALL.into_iter().map(|each| (each, 0)).collect()),
            };
            counts.insert(policy.name.clone(), count);
        }
    }

    pub(super) fn add(&self, remedy: &str, decision: Decision) {
        if let Some(count) = self.lock().get_mut(remedy) {
            *count.decisions.entry(decision).or_default() += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
