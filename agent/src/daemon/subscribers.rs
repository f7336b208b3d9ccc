//! Those who are about to subscribe wait until what they have asked for is being told.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot::Sender;

use super::desk::Readers;
use super::remember::Keeping;
use super::stacks::FindingStacks;
use super::work::Work;
use crate::filter::Filter;
use crate::output::feed::{Format, Subscription, Tune};
use crate::output::select::Selection;
use crate::server::{self, About, Query};

/// Somebody who waits.
struct Beginner {
    select: Selection,
    filter: Option<Arc<Filter>>,
    answer: Sender<Subscription>,
}

/// The server's questions that wait.
#[derive(Default)]
pub(super) struct Beginners {
    waiting: Vec<Beginner>,
}

impl Beginners {
    /// Answers a question of the server, at once or when it can be.
    pub(super) fn answer(&mut self, query: Query, work: &mut Work) {
        match query {
            Query::Document {
                about,
                filter,
                answer,
            } => {
                let document = document(about, filter.as_deref(), work);
                // Refused only if the client has gone.
                drop(answer.send(document));
            }
            Query::Look { answer } => work.show(answer),
            Query::Metrics(request) => work.scrape(request),
            Query::Subscribe {
                select,
                filter,
                answer,
            } => {
                self.waiting.push(Beginner {
                    select,
                    filter,
                    answer,
                });
                work.expect(self.wanted());
            }
        }
    }

    fn wanted(&self) -> Selection {
        let all = self.waiting.iter();
        all.fold(Selection::NONE, |all, one| all.union(one.select))
    }

    /// Gives those their subscriptions who can have them now.
    pub(super) fn begin(&mut self, work: &mut Work) {
        if self.waiting.is_empty() {
            return;
        }
        let telling = work.is_telling();
        let (ready, waiting): (Vec<_>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|one| telling || !one.select.needs_stream() || one.answer.is_closed());
        self.waiting = waiting;
        if ready.is_empty() {
            return;
        }
        let handle = work.feed.handle();
        for one in ready {
            let tune = Tune {
                format: Format::Json,
                select: one.select,
                filter: one.filter,
            };
            if let Some(subscription) = handle.tune_in(tune, server::SLOW) {
                drop(one.answer.send(subscription));
            }
        }
        work.expect(self.wanted());
    }
}

fn document(about: About, filter: Option<&Filter>, work: &mut Work) -> Bytes {
    match about {
        About::Findings | About::Incidents => work.desk.list(about, filter),
        About::Readiness => Bytes::from_static(b"{\"ready\":true}\n"),
        About::Status => {
            let stats = work.engine.stats();
            let stacks = work.stacks.as_ref().map(FindingStacks::statistics);
            let readers = Readers {
                feed: &work.feed.handle(),
                history: work.history.as_ref(),
                exporters: work.exporters.as_ref(),
                remedies: work.remedies.as_ref(),
                metrics: work.scrapes.address,
                memory: work.keeping.as_ref().map(Keeping::state),
            };
            let (kernel, configuration) = (&mut work.kernel, &work.configuration);
            work.desk
                .state(kernel, stats, stacks, readers, configuration)
        }
    }
}
