//! Two threads beside the daemon's loop: one unwinds what comes from the kernel, as soon as it comes, one makes
//! names for findings.

mod command;
mod unwinding;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;

use tokio::sync::mpsc as tasks;

use super::keeper::Kept;
use super::link::Link;
use super::model::Stack;
use super::names::{IDLE, Namer};
use super::statistics::{Statistics, add, nanos};
use crate::kernel::record::stack::RawStack;
use finback_core::model::time::Timestamp;

use command::Command;
use unwinding::Unwinding;

pub use command::Request;

/// Stacks from the kernel that wait to be unwound at most (16 MiB).
const MAX_WAITING: usize = 2048;
/// Commands that wait at most; what is refused is counted.
const MAX_COMMANDS: usize = 4096;
/// Findings that wait for names or to be told at most. Beyond that the thread before waits.
const MAX_FINDINGS: usize = 256;

/// What a finding gets.
#[derive(Debug)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// The stacks: of the opening first, then the current ones.
    pub stacks: Arc<[Stack]>,
}

/// The daemon's end of both threads; they end with it.
#[derive(Debug)]
pub struct Stacks {
    commands: SyncSender<Command>,
    answers: tasks::Receiver<Answer>,
    statistics: Arc<Statistics>,
}

impl Stacks {
    /// Starts both threads, whose readers are this program.
    pub fn spawn() -> io::Result<Self> {
        Self::spawn_with(Path::new("/proc/self/exe"))
    }

    /// Starts both threads; `program` is run for their readers.
    pub fn spawn_with(program: &Path) -> io::Result<Self> {
        let (commands, received) = mpsc::sync_channel(MAX_COMMANDS);
        let (unwound, named) = mpsc::sync_channel(MAX_FINDINGS);
        let (answer, answers) = tasks::channel(MAX_FINDINGS);
        let statistics = Arc::new(Statistics::default());
        let link = || Link::new(program, Arc::clone(&statistics));
        let unwinding = Unwinding::new(link(), Arc::clone(&statistics));
        thread::Builder::new()
            .name("finback-unwind".into())
            .spawn(move || unwinding.run(&received, &unwound))?;
        let namer = Namer::new(link());
        let shared = Arc::clone(&statistics);
        thread::Builder::new()
            .name("finback-names".into())
            .spawn(move || name(namer, &named, &answer, &shared))?;
        Ok(Self {
            commands,
            answers,
            statistics,
        })
    }

    /// Stacks from the kernel.
    pub fn taken(&self, mut stacks: Vec<RawStack>) {
        let waiting = self.statistics.waiting.load(Ordering::Relaxed);
        let room = MAX_WAITING.saturating_sub(waiting);
        add(&self.statistics.taken, stacks.len());
        add(&self.statistics.dropped, stacks.len().saturating_sub(room));
        stacks.truncate(room);
        let count = stacks.len();
        self.statistics.waiting.fetch_add(count, Ordering::Relaxed);
        if !self.send(Command::Taken(stacks)) {
            self.statistics.waiting.fetch_sub(count, Ordering::Relaxed);
            add(&self.statistics.dropped, count);
        }
    }

    /// Sockets that have gone. If the thread cannot hear it now, their stacks leave as the oldest.
    pub fn ended(&self, socks: Vec<(u64, Timestamp)>) {
        self.send(Command::Ended(socks));
    }

    /// Asks for stacks; an [`Answer`] follows. `false`: it does not, too much is asked already.
    #[must_use]
    pub fn ask(&self, request: Request) -> bool {
        self.send(Command::Wanted(request))
    }

    fn send(&self, command: Command) -> bool {
        let sent = self.commands.try_send(command);
        sent.inspect_err(|error| tracing::debug!(%error, "the thread that unwinds"))
            .is_ok()
    }

    /// The next answer. Can be dropped while waiting.
    pub async fn answer(&mut self) -> Answer {
        match self.answers.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// What was done.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

/// The thread that makes names.
fn name(
    mut namer: Namer,
    unwound: &Receiver<(u64, Vec<Kept>)>,
    answers: &tasks::Sender<Answer>,
    statistics: &Statistics,
) {
    loop {
        let (id, stacks) = match unwound.recv_timeout(IDLE) {
            Ok(stacks) => stacks,
            Err(RecvTimeoutError::Timeout) => {
                namer.rest();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let stacks = stacks.iter().map(|stack| namer.name(stack)).collect();
        add(&statistics.answered, 1);
        statistics
            .names_ns
            .store(nanos(namer.spent), Ordering::Relaxed);
        if answers.blocking_send(Answer { id, stacks }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use finback_common::record::Registers;
    use finback_common::socket::source;
    use finback_core::model::socket::ProcessId;

    use super::*;

    /// The daemon's loop hands over stacks and questions: it must read the ring meanwhile.
    #[test]
    fn a_thread_that_does_not_keep_up_costs_stacks_and_holds_nobody_up() {
        let (commands, _received) = mpsc::sync_channel(2);
        let stacks = Stacks {
            commands,
            answers: tasks::channel(1).1,
            statistics: Arc::default(),
        };
        let request = || Request {
            id: 1,
            sock: None,
            processes: Vec::new(),
            first: Vec::new(),
            now: Timestamp::default(),
        };
        assert!(stacks.ask(request()) && stacks.ask(request()));
        assert!(!stacks.ask(request()));
        let stack = RawStack {
            sock: 1,
            time: Timestamp::default(),
            process: ProcessId {
                pid: 1,
                start: Timestamp::default(),
            },
            exec_id: 0,
            thread: 1,
            thread_name: "".into(),
            source: source::ACCEPT,
            registers: Registers::default(),
            bytes: Box::default(),
        };
        stacks.taken(vec![stack; MAX_WAITING + 5]);
        let statistics = stacks.statistics();
        assert_eq!(
            statistics.dropped.load(Ordering::Relaxed),
            MAX_WAITING as u64 + 5
        );
        assert_eq!(statistics.waiting.load(Ordering::Relaxed), 0);
    }
}
