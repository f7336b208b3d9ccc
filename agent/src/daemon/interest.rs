//! What is asked of the kernel: no more than somebody wants, and no less.

use finback_core::input::Input;

use super::work::Work;
use crate::output::select::Selection;

impl Work {
    /// Somebody is about to subscribe, or nobody is any more.
    pub(super) fn expect(&mut self, select: Selection) {
        self.expected = select;
        self.adjust();
    }

    /// Asks the kernel for what is wanted, no more and no less.
    pub(super) fn adjust(&mut self) {
        let wanted = self.feed.wanted().union(self.expected);
        let wanted = wanted.union(self.recorded);
        let interest = self.states.interest(wanted);
        let asked = interest.union(self.scrapes.interest());
        if asked != self.asked {
            if let Err(error) = self.kernel.set_interest(asked) {
                tracing::warn!(%error, "not everything that was asked for can be told");
            }
            self.asked = asked;
        }
        if interest != self.interest {
            self.interest = interest;
            let told = Input::Interest(interest);
            self.engine.apply(&told, self.kernel.now());
        }
    }

    /// Whether everything that was asked for is being told.
    pub(super) fn is_telling(&self) -> bool {
        self.engine.is_telling()
    }
}
