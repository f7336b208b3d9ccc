//! What the routes ask of the daemon's own task.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::connections::Shown;
use crate::filter::Filter;
use crate::metrics::Request;
use crate::metrics::family::Family;
use crate::output::feed::Subscription;
use crate::output::select::Selection;

/// Something only the daemon's own task can do.
#[derive(Debug)]
pub enum Query {
    /// A JSON document.
    Document {
        /// About what.
        about: About,
        /// Of a list only what this selects.
        filter: Option<Arc<Filter>>,
        /// Where the answer goes.
        answer: oneshot::Sender<Bytes>,
    },
    /// A look at every socket.
    Look {
        /// Where it goes.
        answer: oneshot::Sender<Shown>,
    },
    /// Metrics as they are now.
    Metrics(Request),
    /// A subscription, given once everything that was selected is being told.
    Subscribe {
        /// What is wanted.
        select: Selection,
        /// Of that only what this passes.
        filter: Option<Arc<Filter>>,
        /// Where the subscription goes.
        answer: oneshot::Sender<Subscription>,
    },
}

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Hooks, counters, table size.
    Status,
    /// The last event of every open finding.
    Findings,
    /// The last event of every incident.
    Incidents,
    /// Whether the daemon is at work at all.
    Readiness,
}

/// A daemon that does not answer a query for so long is not well.
const PATIENCE: Duration = Duration::from_secs(2);

/// A subscription that has not begun after so long never will.
const BEGINNING: Duration = Duration::from_secs(10);

/// Asks the daemon's own task.
#[derive(Clone, Debug)]
pub struct Queries(mpsc::Sender<Query>);

impl Queries {
    /// Of the task that has the other end.
    pub const fn new(to: mpsc::Sender<Query>) -> Self {
        Self(to)
    }

    pub(super) async fn document(
        &self,
        about: About,
        filter: Option<Arc<Filter>>,
    ) -> Option<Bytes> {
        self.document_within(PATIENCE, about, filter).await
    }

    /// A document, unless the daemon does not answer for so long.
    pub async fn document_within(
        &self,
        patience: Duration,
        about: About,
        filter: Option<Arc<Filter>>,
    ) -> Option<Bytes> {
        let (answer, answered) = oneshot::channel();
        let query = Query::Document {
            about,
            filter,
            answer,
        };
        self.0.try_send(query).ok()?;
        tokio::time::timeout(patience, answered).await.ok()?.ok()
    }

    /// A look takes its time, and others may be before it.
    pub async fn look(&self) -> Option<Shown> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Query::Look { answer }).ok()?;
        tokio::time::timeout(BEGINNING, answered).await.ok()?.ok()
    }

    /// A look may have to be made for them.
    pub async fn metrics(&self, lifetimes: bool) -> Option<Vec<Family>> {
        let (answer, answered) = oneshot::channel();
        let request = Request { lifetimes, answer };
        self.0.try_send(Query::Metrics(request)).ok()?;
        tokio::time::timeout(BEGINNING, answered).await.ok()?.ok()
    }

    /// Hooks may have to be attached, and a look to be waited for.
    pub(super) async fn subscribe(
        &self,
        select: Selection,
        filter: Option<Arc<Filter>>,
    ) -> Option<Subscription> {
        let (answer, answered) = oneshot::channel();
        let query = Query::Subscribe {
            select,
            filter,
            answer,
        };
        self.0.try_send(query).ok()?;
        tokio::time::timeout(BEGINNING, answered).await.ok()?.ok()
    }
}
