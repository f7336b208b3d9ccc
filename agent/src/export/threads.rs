//! The thread that all exporters live on.

use std::io;
use std::sync::Arc;
use std::thread;

use futures_util::future::join_all;
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::job::{Ending, Job};
use super::outbox::{State, Status};

/// How the exporters are, for those who read it.
#[derive(Clone, Debug, Default)]
pub struct Handle(Arc<[Arc<Status>]>);

impl Handle {
    /// Of each.
    pub fn states(&self) -> Vec<State> {
        self.0.iter().map(|status| status.state()).collect()
    }
}

/// The exporters at work.
#[derive(Debug)]
pub struct Exporters {
    handle: Handle,
    end: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Exporters {
    /// Begins them; without any there is no thread.
    pub fn spawn(jobs: Vec<Job>) -> io::Result<Option<Self>> {
        if jobs.is_empty() {
            return Ok(None);
        }
        let handle = Handle(jobs.iter().map(|job| Arc::clone(job.status())).collect());
        let (end, ending) = watch::channel(false);
        let (done, ended) = oneshot::channel::<()>();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("finback-export".into())
            .spawn(move || {
                runtime.block_on(work(jobs, ending));
                // What still looks up a name is not waited for.
                runtime.shutdown_background();
                // Its being dropped tells the end.
                drop(done);
            })?;
        Ok(Some(Self { handle, end, ended }))
    }

    /// For those who read or count.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Tells them to end, and waits until what is left was tried, but not longer than that.
    pub async fn end(self, deadline: Instant) {
        let Self { handle, end, ended } = self;
        end.send_replace(true);
        if timeout_at(deadline, ended).await.is_ok() {
            return;
        }
        // The end's being dropped makes them leave what they are at.
        drop(end);
        for state in handle.states().iter().filter(|state| state.queued > 0) {
            tracing::warn!(
                "{}: no time is left, {} not delivered",
                state.name,
                state.queued
            );
        }
    }
}

/// Until all are through, or nobody waits for them any more.
async fn work(jobs: Vec<Job>, mut ending: Ending) {
    let all = join_all(
        jobs.into_iter()
            .map(|job| tokio::spawn(job.begin(ending.clone()))),
    );
    let abandoned = async { while ending.changed().await.is_ok() {} };
    tokio::select! {
        _ = all => {}
        () = abandoned => {}
    }
}
