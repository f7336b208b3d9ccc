//! The thread that decides and acts, one case after the other.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep_until};

use super::case::Case;
use super::exec;
use super::kill;
use super::ledger::{Due, Ledger};
use super::outcome::Outcome;
use super::policy::{Action, Policy};
use super::statistics::Statistics;
use super::webhook;
use crate::output::feed::Subscription;
use crate::output::json::{self, Decision, Event, Remedy};
use crate::server::{About, Queries};

/// Reason of a `lost` line where this reader is too slow.
pub const SLOW: &str = "remedy_slow";

/// Configurations that wait to be taken on.
const REQUESTS: usize = 4;

/// A daemon that does not answer for so long has other worries.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the daemon does for remedies.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Answers questions, as the server's.
    pub queries: Queries,
    /// Tells decisions.
    pub decided: mpsc::Sender<Decided>,
}

/// A decision, to be told in the stream.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The line that called for it: it says what it is about.
    pub line: Bytes,
    /// The decision.
    pub remedy: Remedy<'static>,
}

/// What others need of the remedies.
#[derive(Clone, Debug)]
pub struct Handle {
    statistics: Arc<Statistics>,
    requests: mpsc::Sender<Vec<Policy>>,
}

impl Handle {
    /// What they count.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Others from now on. What is cooling down goes on doing so.
    pub fn configure(&self, policies: Vec<Policy>) {
        if self.requests.try_send(policies).is_err() {
            tracing::warn!("the remedies are busy and stay as they were: reload again");
        }
    }
}

/// The thread.
#[derive(Debug)]
pub struct Keeper {
    handle: Handle,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Keeper {
    /// Begins to treat what the subscription brings, and what is wrong already. It ends with the feed.
    pub fn spawn(
        policies: Vec<Policy>,
        subscription: Subscription,
        desk: Desk,
    ) -> io::Result<Self> {
        let (requests, asked) = mpsc::channel(REQUESTS);
        let (end, ended) = oneshot::channel::<()>();
        let (stop, stopped) = oneshot::channel::<()>();
        let statistics = Arc::<Statistics>::default();
        statistics.set(&policies);
        let handle = Handle {
            statistics: Arc::clone(&statistics),
            requests,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let clerk = Clerk {
            policies,
            ledger: Ledger::default(),
            statistics,
            desk,
        };
        thread::Builder::new()
            .name("finback-remedy".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = clerk.work(subscription, asked) => {}
                        // A command that runs ends with this.
                        _ = stopped => {}
                    }
                });
                // Its being dropped tells the end.
                drop(end);
            })?;
        Ok(Self {
            handle,
            stop,
            ended,
        })
    }

    /// For those who count or configure.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends whatever is being done.
    pub async fn end(self, deadline: Instant) {
        drop(self.stop);
        if tokio::time::timeout_at(deadline, self.ended).await.is_err() {
            tracing::warn!("a remedy does not end");
        }
    }
}

/// Reads, decides, acts.
struct Clerk {
    policies: Vec<Policy>,
    ledger: Ledger,
    statistics: Arc<Statistics>,
    desk: Desk,
}

impl Clerk {
    async fn work(mut self, mut lines: Subscription, mut asked: mpsc::Receiver<Vec<Policy>>) {
        self.read_open().await;
        loop {
            let due = self.ledger.due();
            let next = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(policies) = asked.recv() => self.configure(policies).await,
                read = lines.next() => match read {
                    Some(read) => self.read(&read),
                    None => return,
                },
                () = next => self.treat_one().await,
            }
        }
    }

    async fn configure(&mut self, policies: Vec<Policy>) {
        self.statistics.set(&policies);
        self.policies = policies;
        self.ledger.hush_all(Instant::now());
        self.read_open().await;
    }

    /// What is wrong already, as it was told last.
    async fn read_open(&mut self) {
        for about in [About::Incidents, About::Findings] {
            let Some(document) = self.ask(about).await else {
                tracing::warn!("what was wrong before is treated when it is told next");
                return;
            };
            for line in lines_of(&document) {
                self.take(&line);
            }
        }
    }

    async fn ask(&self, about: About) -> Option<Bytes> {
        let queries = &self.desk.queries;
        queries.document_within(PATIENCE, about, None).await
    }

    fn read(&mut self, lines: &Bytes) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.take(&lines.slice_ref(line));
        }
    }

    /// Notes for which remedies a line calls, and for which it does so no more.
    fn take(&mut self, line: &Bytes) {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(line) else {
            return;
        };
        let Some(case) = Case::of(&event) else {
            return;
        };
        let (id, now) = (case.id(), Instant::now());
        for policy in &self.policies {
            if case.calls_for(policy) {
                self.ledger.call(&policy.name, &id, line, now);
            } else if case.concerns(policy.on) {
                self.ledger.hush(&policy.name, &id, now);
            }
        }
    }

    /// Decides the next case.
    async fn treat_one(&mut self) {
        let Some(due) = self.ledger.next(&self.policies, Instant::now()) else {
            return;
        };
        let Ok(event) = serde_json::from_slice::<Event<'_>>(&due.line) else {
            return;
        };
        let policy = self.policies.iter().find(|one| one.name == due.remedy);
        let (Some(policy), Some(case)) = (policy, Case::of(&event)) else {
            return;
        };
        let outcome = self.decide(policy, &due, &case).await;
        self.tell(policy, &due, &case, outcome).await;
    }

    async fn decide(&self, policy: &Policy, due: &Due, case: &Case<'_>) -> Outcome {
        if due.limited {
            let reason = format!(
                "used {} times within a minute, as often as its rate allows",
                policy.per_minute
            );
            return Outcome::new(Decision::RateLimited, reason);
        }
        let dry_run = policy.dry_run;
        match &policy.action {
            Action::Kill {
                connections,
                max_connections,
            } => {
                let call = kill::Call {
                    connections: connections.as_ref(),
                    most: *max_connections,
                    dry_run,
                };
                call.run(case, &self.desk.queries).await
            }
            Action::Webhook { url } => webhook::post(url, &due.line, dry_run).await,
            Action::Exec {
                command,
                arguments,
                timeout,
            } => {
                let call = exec::Call {
                    remedy: &policy.name,
                    command,
                    arguments,
                    timeout: *timeout,
                    dry_run,
                };
                call.run(case, &due.line).await
            }
        }
    }

    async fn tell(&self, policy: &Policy, due: &Due, case: &Case<'_>, outcome: Outcome) {
        let Outcome {
            decision,
            reason,
            connections,
        } = outcome;
        self.statistics.add(&policy.name, decision);
        tracing::info!(remedy = policy.name, case = case.id(), ?decision, reason);
        let remedy = Remedy {
            name: policy.name.clone().into(),
            action: policy.action.kind(),
            decision,
            reason: reason.into(),
            incident: case.incident().map(|id| id.to_owned().into()),
            finding: case.finding(),
            connections,
        };
        let line = due.line.clone();
        // Refused only if the daemon is ending.
        drop(self.desk.decided.send(Decided { line, remedy }).await);
    }
}

/// The events of a document of the server's.
fn lines_of(document: &[u8]) -> Vec<Bytes> {
    let lists = serde_json::from_slice::<BTreeMap<&str, Vec<Event<'_>>>>(document);
    let events = lists.into_iter().flatten().flat_map(|(_, events)| events);
    let lines = events.filter_map(|event| {
        let mut line = Vec::new();
        json::write_line(&event, &mut line).ok()?;
        Some(line.into())
    });
    lines.collect()
}
