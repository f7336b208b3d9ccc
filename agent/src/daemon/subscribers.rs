//! Those who are about to subscribe wait until what they have asked for is being told.

use tokio::sync::oneshot::Sender;

use super::stacks::FindingStacks;
use super::work::Work;
use crate::output::feed::{Format, Subscription};
use crate::output::select::Selection;
use crate::server::{self, Query};

/// The server's questions that wait.
#[derive(Default)]
pub(super) struct Beginners {
    waiting: Vec<(Selection, Sender<Subscription>)>,
}

impl Beginners {
    /// Answers a question of the server, at once or when it can be.
    pub(super) fn answer(&mut self, query: Query, work: &mut Work) {
        match query {
            Query::Document { about, answer } => {
                let stats = work.engine.stats();
                let stacks = work.stacks.as_ref().map(FindingStacks::statistics);
                let handle = work.feed.handle();
                let history = work.history.as_ref();
                let document =
                    work.desk
                        .document(about, &mut work.kernel, stats, stacks, &handle, history);
                // Refused only if the client has gone.
                drop(answer.send(document));
            }
            Query::Look { answer } => work.show(answer),
            Query::Subscribe { select, answer } => {
                self.waiting.push((select, answer));
                work.expect(self.wanted());
            }
        }
    }

    fn wanted(&self) -> Selection {
        let all = self.waiting.iter();
        all.fold(Selection::NONE, |all, (select, _)| all.union(*select))
    }

    /// Gives those their subscriptions who can have them now.
    pub(super) fn begin(&mut self, work: &mut Work) {
        if self.waiting.is_empty() {
            return;
        }
        let telling = work.is_telling();
        let (ready, waiting): (Vec<_>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(select, answer)| telling || !select.needs_stream() || answer.is_closed());
        self.waiting = waiting;
        if ready.is_empty() {
            return;
        }
        let handle = work.feed.handle();
        for (select, answer) in ready {
            if let Some(subscription) = handle.subscribe(Format::Json, select, server::SLOW) {
                drop(answer.send(subscription));
            }
        }
        work.expect(self.wanted());
    }
}
