//! Looks at the kernel on a thread of their own: the ring is read meanwhile.

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self as threads, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use finback_core::model::look::{LocalPorts, Snapshot, UnheldList};
use finback_core::model::process::ProcessView;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

use crate::kernel::netns::guard;
use crate::kernel::{KernelError, Looker, clock};
use crate::output::clock::WallClock;
use crate::output::json::Accused;
use crate::process;
use crate::process::{Workloads, stack};
use crate::server::Shown;

/// Requests under way at most: the engine has one of each kind, findings wait for the threads of 64.
const UNDER_WAY: usize = 128;

const BETWEEN_COMPLAINTS: Duration = Duration::from_mins(1);

/// What is wanted.
#[derive(Debug)]
pub(super) enum Request {
    /// Every socket; also those without a descriptor.
    Look { unheld: bool },
    /// The minisocks of these network namespaces.
    TimeWait(Vec<u32>),
    /// The local ports of these namespaces, and which of these processes have ended.
    Ports {
        namespaces: Vec<u32>,
        processes: Vec<ProcessId>,
    },
    /// What these processes run, and their descriptors.
    Processes(Vec<ProcessId>),
    /// The threads of the processes that a finding's stacks are asked of.
    Threads(stack::Request),
    /// Every socket, for somebody who has asked for a list.
    Show {
        accused: Accused,
        clock: WallClock,
        host_root: PathBuf,
        answer: oneshot::Sender<Shown>,
    },
    /// Nothing: whether the thread answers is what the service manager wants to know.
    Sign,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Answer {
    Look {
        snapshot: Snapshot,
        /// When the pass was over.
        until: Timestamp,
    },
    TimeWait(UnheldList),
    Ports {
        ports: Vec<LocalPorts>,
        ended: Vec<ProcessId>,
    },
    Processes(Vec<ProcessView>),
    Threads(stack::Request),
    /// A list was handed to who had asked for it.
    Shown,
    /// The thread is at work.
    Alive,
    /// The look could not be made: whoever waits for it must know.
    NoLook(KernelError),
    /// Something else could not be done. It is asked for again when it is due again.
    Nothing(KernelError),
}

/// The thread.
#[derive(Debug)]
pub(super) struct LookThread {
    requests: Option<SyncSender<Request>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
    complained: Cell<Option<Instant>>,
}

impl LookThread {
    pub(super) fn spawn(looker: Looker, workloads: Workloads) -> io::Result<Self> {
        let (requests, asked) = threads::sync_channel(UNDER_WAY);
        let (answer, answers) = mpsc::channel(UNDER_WAY);
        let thread = thread::Builder::new()
            .name("finback-look".into())
            .spawn(move || work(looker, workloads, &asked, &answer))?;
        Ok(Self {
            requests: Some(requests),
            answers,
            thread: Some(thread),
            complained: Cell::new(None),
        })
    }

    pub(super) fn ask(&self, request: Request) {
        let sent = self
            .requests
            .as_ref()
            .map(|requests| requests.try_send(request));
        if !matches!(sent, Some(Ok(()))) {
            self.complain();
        }
    }

    /// Tells it once in a while: what is not asked now is asked for again when it is due again.
    fn complain(&self) {
        let now = Instant::now();
        let silent = self.complained.get();
        if silent.is_none_or(|last| now.duration_since(last) >= BETWEEN_COMPLAINTS) {
            self.complained.set(Some(now));
            tracing::error!("the thread that looks at the kernel has ended or does not keep up");
        }
    }

    /// Waits for an answer. Loses nothing when dropped while waiting.
    pub(super) async fn answer(&mut self) -> Answer {
        match self.answers.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

impl Drop for LookThread {
    fn drop(&mut self) {
        self.requests = None;
        self.answers.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks at the kernel has panicked");
        }
    }
}

fn work(
    mut looker: Looker,
    mut workloads: Workloads,
    asked: &threads::Receiver<Request>,
    answer: &Sender<Answer>,
) {
    while let Ok(request) = asked.recv() {
        let refusal = refusal(&request);
        let found = fulfil(&mut looker, &mut workloads, request).unwrap_or_else(refusal);
        if answer.blocking_send(found).is_err() {
            return;
        }
    }
}

/// What to say if a request cannot be fulfilled.
const fn refusal(request: &Request) -> fn(KernelError) -> Answer {
    match request {
        Request::Look { .. } => Answer::NoLook,
        Request::TimeWait(_)
        | Request::Ports { .. }
        | Request::Processes(_)
        | Request::Threads(_)
        | Request::Show { .. }
        | Request::Sign => Answer::Nothing,
    }
}

fn fulfil(
    looker: &mut Looker,
    workloads: &mut Workloads,
    request: Request,
) -> Result<Answer, KernelError> {
    Ok(match request {
        Request::Look { unheld } => Answer::Look {
            snapshot: looker.look(unheld)?,
            until: clock::now(),
        },
        Request::TimeWait(namespaces) => Answer::TimeWait(looker.time_wait(&namespaces)?),
        Request::Ports {
            namespaces,
            mut processes,
        } => {
            let ports = Looker::local_ports(&namespaces)?;
            processes.retain(|id| process::has_ended(*id));
            Answer::Ports {
                ports,
                ended: processes,
            }
        }
        Request::Processes(processes) => {
            let looked = processes.into_iter();
            let looked = looked.map(|id| process::look(id, workloads));
            Answer::Processes(looked.collect())
        }
        Request::Threads(mut request) => {
            for (process, rows) in &mut request.processes {
                *rows = looker.threads(process.pid);
            }
            Answer::Threads(request)
        }
        Request::Show {
            accused,
            clock,
            host_root,
            answer,
        } => {
            let snapshot = looker.look(true)?;
            let shown = Shown {
                defaults: guard::list(&snapshot.namespaces()).unwrap_or_default(),
                snapshot,
                accused,
                clock,
                host_root,
            };
            // Refused only if whoever asked has gone.
            drop(answer.send(shown));
            Answer::Shown
        }
        Request::Sign => Answer::Alive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sweep that fails while a look is under way must not make the engine ask for a second one.
    #[test]
    fn only_a_look_that_fails_is_told_as_one() {
        let told = |request: &Request| {
            let error = KernelError::Object("nothing");
            matches!(refusal(request)(error), Answer::NoLook(_))
        };
        assert!(told(&Request::Look { unheld: true }));
        assert!(!told(&Request::TimeWait(vec![1])));
        let ports = Request::Ports {
            namespaces: Vec::new(),
            processes: Vec::new(),
        };
        assert!(!told(&ports));
    }
}
