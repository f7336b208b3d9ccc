//! A look: one pass over the kernel that finds every TCP socket with its holders and its numbers.

mod half;
mod join;
mod proc;
mod rows;
mod threads;
mod waiters;

use std::fmt;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use self::join::Join;
pub(super) use self::threads::Threads;
use self::waiters::Functions;
use super::clock::now;
use super::error::KernelError;
use super::netns::sock_diag;
use super::processes::Processes;
use super::sys::walk;
use super::table::{Queues, Tables};
use finback_core::model::observation::{Snapshot, Unheld};

/// Looks at the kernel's sockets. It needs nothing that reads the ring: it belongs on a thread of its own.
pub struct Looker {
    /// The iterator's program, if the kernel gives it.
    program: Option<OwnedFd>,
    tables: Tables,
    queues: Queues,
    processes: Processes,
    functions: Functions,
}

impl fmt::Debug for Looker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looker").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Looker {
    /// Without a program it looks into `/proc`.
    pub(super) fn new(
        program: Option<OwnedFd>,
        tables: Tables,
        queues: Queues,
        processes: Processes,
    ) -> Self {
        Self { program, tables, queues, processes, functions: Functions::default() }
    }

    /// Every TCP socket of the host with its holders; with `unheld` also those that no descriptor refers to. Takes some
    /// milliseconds per ten thousand descriptors, and blocks meanwhile.
    pub fn look(&mut self, unheld: bool) -> Result<Snapshot, KernelError> {
        self.processes.refresh(now());
        let mut snapshot = match &self.program {
            Some(program) => {
                let failed = |source| KernelError::Io {
                    what: "walk the descriptors of all processes",
                    source,
                };
                let mut join = Join::new(&self.tables, &mut self.processes, &mut self.functions);
                let file = walk(program.as_fd()).map_err(failed)?;
                self.queues.clear();
                rows::read(file, |row| join.row(row)).map_err(failed)?;
                self.queues.rows().for_each(|row| join.queued(&row));
                join.finish()
            }
            None => proc::look(&mut self.processes)?,
        };
        if unheld {
            snapshot.unheld = self::unheld()?;
            snapshot.took = now().since(snapshot.taken);
        }
        Ok(snapshot)
    }

    /// The same without the iterator: `/proc/*/fd` joined with `sock_diag`. Some ten times slower, knows nothing of what
    /// the kernel programs remember, and sees accept queues only by address.
    pub fn look_in_proc(&mut self) -> Result<Snapshot, KernelError> {
        proc::look(&mut self.processes)
    }
}

/// `None` if a namespace could not be listed: a connection that is not in the list may be there then.
fn unheld() -> Result<Option<Vec<Unheld>>, KernelError> {
    let failed = |source: io::Error| KernelError::Io {
        what: "list the sockets of a network namespace",
        source,
    };
    let (unheld, failures) = sock_diag::unheld(&[]).map_err(failed)?;
    for (namespace, error) in &failures {
        tracing::debug!(netns = namespace.id, %error, "this network namespace's sockets cannot be listed");
    }
    Ok(failures.is_empty().then_some(unheld))
}
