//! Readers of the feed that belong to the daemon: the history and the remedies, as the configuration wants them.

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

use super::error::{Error, failed};
use super::work::Work;
use crate::config::{self, Config};
use crate::history::{self, Bounds, Place};
use crate::output::clock::Time;
use crate::output::feed::{Feed, Format, Handle};
use crate::output::json::{Body, Event};
use crate::output::select::{Kind, Selection};
use crate::remedy::{self, Decided};
use crate::server::Query;

/// Decisions that wait to be told; who has more waits.
const DECISIONS: usize = 64;

/// The history and the remedies.
pub(super) struct Keepers {
    history: Option<history::Keeper>,
    remedies: Option<remedy::Keeper>,
    feed: Handle,
    queries: Sender<Query>,
    decided: Sender<Decided>,
}

impl Keepers {
    /// Begins to keep and to treat what the feed tells from now on. Decisions come by the receiver.
    pub(super) fn begin(
        config: &Config,
        work: &mut Work,
        queries: Sender<Query>,
    ) -> Result<(Self, Receiver<Decided>), Error> {
        let (decided, decisions) = mpsc::channel(DECISIONS);
        let feed = work.feed.handle();
        let history = history(config.history.as_ref(), &feed)?;
        work.history = history.as_ref().map(history::Keeper::handle);
        let mut keepers = Self {
            history,
            remedies: None,
            feed,
            queries,
            decided,
        };
        keepers.treat(config, work)?;
        Ok((keepers, decisions))
    }

    /// As the configuration wants them now.
    pub(super) fn configure(&mut self, config: &Config, work: &mut Work) -> Result<(), Error> {
        if let (Some(wanted), Some(history)) = (&config.history, &work.history) {
            history.bound(Bounds {
                max_bytes: wanted.max_bytes,
                max_age: wanted.max_age,
            });
        }
        self.treat(config, work)
    }

    /// The remedies that it wants. Where there are none there is nobody who reads for them.
    fn treat(&mut self, config: &Config, work: &mut Work) -> Result<(), Error> {
        let policies = config.remedies.clone();
        match &self.remedies {
            Some(keeper) => keeper.handle().configure(policies),
            None if policies.is_empty() => {}
            None => {
                let select = Selection::of([Kind::Incident, Kind::Finding]);
                let lines = self.feed.subscribe(Format::Json, select, remedy::SLOW);
                let desk = remedy::Desk {
                    queries: self.queries.clone(),
                    decided: self.decided.clone(),
                };
                let spawn = |lines| remedy::Keeper::spawn(policies, lines, desk);
                let keeper = lines.map(spawn).transpose();
                self.remedies = keeper.map_err(failed("start a thread"))?;
            }
        }
        work.remedies = self.remedies.as_ref().map(remedy::Keeper::handle);
        Ok(())
    }

    /// Waits until everything is written and nothing is being done; the feed must have ended.
    pub(super) async fn end(self, deadline: Instant) {
        if let Some(remedies) = self.remedies {
            remedies.end(deadline).await;
        }
        if let Some(history) = self.history {
            history.end(deadline).await;
        }
    }
}

fn history(
    wanted: Option<&config::History>,
    feed: &Handle,
) -> Result<Option<history::Keeper>, Error> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let place = Place {
        path: wanted.path.clone(),
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age,
    };
    let subscription = feed.subscribe(Format::Json, wanted.select, history::SLOW);
    let keeper = subscription.map(|subscription| history::Keeper::spawn(place, subscription));
    keeper.transpose().map_err(failed("start a thread"))
}

/// Tells what a remedy has decided, with what the line that called for it is about.
pub(super) fn announce(decided: &Decided, feed: &mut Feed) {
    let event = serde_json::from_slice::<Event<'_>>(&decided.line);
    let subject = event.ok().and_then(|event| event.body.subject().cloned());
    if let Some(subject) = subject {
        let remedy = Box::new(decided.remedy.clone());
        feed.announce(Kind::Remedy, Time::now(), Body::Remedy { subject, remedy });
    }
}
