//! Readers of the feed that belong to the daemon: the history, the exporters and the remedies, as the configuration wants
//! them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

use super::error::{Error, failed};
use super::export;
use super::work::Work;
use crate::config::{self, Config};
use crate::export::Exporters;
use crate::history::{self, Bounds, Place};
use crate::output::clock::Time;
use crate::output::feed::{Feed, Format, Handle, Tune};
use crate::output::json::{Body, Event};
use crate::output::select::{Kind, Selection};
use crate::remedy::{self, Decided};
use crate::server::Queries;

/// Decisions that wait to be told; who has more waits.
const DECISIONS: usize = 64;

/// Exporters that the configuration does not want any more have so long for what they were given.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// The history, the exporters and the remedies.
pub(super) struct Keepers {
    history: Option<history::Keeper>,
    exporters: Option<Exporters>,
    remedies: Option<remedy::Keeper>,
    feed: Handle,
    queries: Queries,
    decided: Sender<Decided>,
}

impl Keepers {
    /// Begins to keep and to treat what the feed tells from now on. Decisions come by the receiver.
    pub(super) fn begin(
        config: &Config,
        work: &mut Work,
        queries: Queries,
    ) -> Result<(Self, Receiver<Decided>), Error> {
        let (decided, decisions) = mpsc::channel(DECISIONS);
        let feed = work.feed.handle();
        let history = history(config.history.as_ref(), &feed)?;
        work.history = history.as_ref().map(history::Keeper::handle);
        let mut keepers = Self {
            history,
            exporters: None,
            remedies: None,
            feed,
            queries,
            decided,
        };
        keepers.export(config, work)?;
        keepers.treat(config, work)?;
        Ok((keepers, decisions))
    }

    /// As the configuration wants them now, which it did not before if `exports`.
    pub(super) fn configure(
        &mut self,
        config: &Config,
        exports: bool,
        work: &mut Work,
    ) -> Result<(), Error> {
        if let (Some(wanted), Some(history)) = (&config.history, &work.history) {
            history.bound(Bounds {
                max_bytes: wanted.max_bytes,
                max_age: wanted.max_age,
            });
        }
        if exports {
            self.export(config, work)?;
        }
        self.treat(config, work)
    }

    /// The exporters that it wants. Those from before deliver what they have while the new ones begin.
    fn export(&mut self, config: &Config, work: &mut Work) -> Result<(), Error> {
        let exporters = export::exporters(config, &self.feed, &self.queries)?;
        if let Some(before) = std::mem::replace(&mut self.exporters, exporters) {
            drop(tokio::spawn(before.end(Instant::now() + LAST_TRIES)));
        }
        work.exporters = self.exporters.as_ref().map(Exporters::handle);
        Ok(())
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
        work.count_readers();
        Ok(())
    }

    /// Waits until everything is written and nothing is being done; the feed must have ended.
    pub(super) async fn end(self, deadline: Instant) {
        if let Some(remedies) = self.remedies {
            remedies.end(deadline).await;
        }
        let kept = async {
            if let Some(history) = self.history {
                history.end(deadline).await;
            }
        };
        let exported = async {
            if let Some(exporters) = self.exporters {
                exporters.end(deadline).await;
            }
        };
        tokio::join!(kept, exported);
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
    let tune = Tune {
        format: Format::Json,
        select: wanted.select,
        filter: wanted.filter.clone().map(Arc::new),
    };
    let subscription = feed.tune_in(tune, history::SLOW);
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
