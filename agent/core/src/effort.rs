//! Steps of work, counted by tests where a loop over everything could come to lie inside another one. In the program
//! itself a step is nothing.

/// One more thing is looked at.
#[cfg(not(test))]
pub(crate) const fn step() {}

#[cfg(test)]
pub(crate) use self::counted::{of, step};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// One more thing is looked at.
    pub(crate) fn step() {
        STEPS.set(STEPS.get() + 1);
    }

    /// How many steps this takes.
    pub(crate) fn of(work: impl FnOnce()) -> u64 {
        let before = STEPS.get();
        work();
        STEPS.get() - before
    }
}
