//! Two threads beside the daemon's loop: one unwinds what comes from the kernel, as soon as it comes, one makes
//! names for findings.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use finback_common::row::ThreadRow;
use finback_common::socket::source;
use tokio::sync::mpsc as tasks;

use super::image::Image;
use super::keeper::{Keeper, Kept};
use super::link::Link;
use super::memory::Top;
use super::model::{Absence, Kind, Stack};
use super::names::{IDLE, Namer};
use super::statistics::Statistics;
use super::threads::{self, Wanted};
use super::unwind::{Shared, Trace, Walker};
use crate::kernel::record::stack::RawStack;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Stacks from the kernel that wait to be unwound at most (16 MiB).
const MAX_WAITING: usize = 2048;
/// Commands that wait at most; what is refused is counted.
const MAX_COMMANDS: usize = 4096;
/// Findings that wait for names or to be told at most. Beyond that the thread before waits.
const MAX_FINDINGS: usize = 256;
/// Processes whose mappings are kept.
const MAX_PROCESSES: usize = 64;
/// Mappings this old are read again: an unknown address makes them be read at once, this is for one that is known but
/// has changed.
const MAPPINGS_AGE: Duration = Duration::from_secs(5);
/// A finding about a process whose threads were looked at so lately gets the same stacks.
const CURRENT_AGE: Duration = Duration::from_secs(1);
/// Processes whose current stacks are remembered.
const MAX_CURRENT: usize = 16;

/// What a finding asks for.
#[derive(Debug)]
pub struct Request {
    /// Comes back in the answer.
    pub id: u64,
    /// The connection, if it is about one.
    pub sock: Option<u64>,
    /// The processes that hold it, with what `iter/task` says of their threads.
    pub processes: Vec<(ProcessId, Vec<ThreadRow>)>,
    /// Threads that matter most.
    pub first: Vec<u32>,
    /// When it was asked.
    pub now: Timestamp,
}

/// What a finding gets.
#[derive(Debug)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// The stacks: of the opening first, then the current ones.
    pub stacks: Arc<[Stack]>,
}

enum Command {
    Taken(Vec<RawStack>),
    Ended(Vec<u64>),
    Wanted(Request),
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
    pub fn ended(&self, socks: Vec<u64>) {
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

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One process as it was after its last exec.
struct Process {
    id: ProcessId,
    exec_id: u32,
    read: Timestamp,
    walker: Walker,
}

/// The thread that unwinds.
struct Unwinding {
    shared: Shared,
    processes: VecDeque<Process>,
    keeper: Keeper,
    current: VecDeque<(ProcessId, Timestamp, Vec<Kept>)>,
    statistics: Arc<Statistics>,
}

impl Unwinding {
    fn new(link: Link, statistics: Arc<Statistics>) -> Self {
        Self {
            shared: Shared::new(link),
            processes: VecDeque::new(),
            keeper: Keeper::default(),
            current: VecDeque::new(),
            statistics,
        }
    }

    fn run(mut self, commands: &Receiver<Command>, unwound: &SyncSender<(u64, Vec<Kept>)>) {
        for command in commands {
            match command {
                Command::Taken(stacks) => self.take(stacks),
                Command::Ended(socks) => {
                    for sock in socks {
                        self.keeper.forget(sock);
                    }
                }
                Command::Wanted(request) => {
                    let stacks = self.answer(&request);
                    if unwound.send((request.id, stacks)).is_err() {
                        return;
                    }
                }
            }
            let kept = self.keeper.len() as u64;
            self.statistics.kept.store(kept, Ordering::Relaxed);
        }
    }

    fn take(&mut self, stacks: Vec<RawStack>) {
        let before = Instant::now();
        for stack in stacks {
            let trace = self.unwind(&stack);
            let kept = Kept {
                kind: kind(stack.source),
                time: stack.time,
                process: stack.process,
                thread: stack.thread,
                thread_name: stack.thread_name,
                syscall: None,
                trace,
            };
            add(
                &self.statistics.dropped,
                usize::from(self.keeper.keep(stack.sock, kept)),
            );
            self.statistics.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        let spent = nanos(before.elapsed());
        self.statistics
            .unwind_ns
            .fetch_add(spent, Ordering::Relaxed);
    }

    fn unwind(&mut self, stack: &RawStack) -> Result<Arc<Trace>, Absence> {
        let index = self.process(stack)?;
        let top = Top {
            start: stack.registers.sp,
            bytes: &stack.bytes,
        };
        let Some(process) = self.processes.get_mut(index) else {
            return Err(Absence::Unreadable);
        };
        let shared = &mut self.shared;
        process.walker.walk(stack.registers, top, shared)
    }

    /// The process of a stack, with mappings that are young enough for it.
    fn process(&mut self, stack: &RawStack) -> Result<usize, Absence> {
        let known = self
            .processes
            .iter()
            .position(|known| known.id == stack.process);
        if let Some(index) = known
            && let Some(known) = self.processes.get(index)
            && known.exec_id == stack.exec_id
            && (known.read >= stack.time
                || known.walker.knows(stack.registers.ip)
                    && stack.time.since(known.read) < MAPPINGS_AGE)
        {
            return Ok(index);
        }
        let read = crate::kernel::clock::now();
        let image = Image::read(stack.process).map_err(|_refused| Absence::Unreadable)?;
        let fresh = Process {
            id: stack.process,
            exec_id: stack.exec_id,
            read,
            walker: Walker::new(image.ok_or(Absence::ProcessGone)?),
        };
        if let Some(index) = known {
            self.processes.remove(index);
        } else if self.processes.len() >= MAX_PROCESSES {
            self.processes.pop_front();
        }
        self.processes.push_back(fresh);
        Ok(self.processes.len() - 1)
    }

    fn answer(&mut self, request: &Request) -> Vec<Kept> {
        let kept = request.sock.map_or(&[][..], |sock| self.keeper.get(sock));
        let mut stacks = kept.to_vec();
        for (process, rows) in &request.processes {
            let room = threads::MAX_THREADS;
            let current = self.current(*process, rows, request);
            stacks.extend(current.into_iter().take(room));
        }
        stacks
    }

    fn current(&mut self, process: ProcessId, rows: &[ThreadRow], request: &Request) -> Vec<Kept> {
        let now = request.now;
        self.current
            .retain(|(_, time, _)| now.since(*time) < CURRENT_AGE);
        let known = self.current.iter().find(|(known, _, stacks)| {
            let has = |thread: &u32| stacks.iter().any(|stack| stack.thread == *thread);
            *known == process && request.first.iter().all(has)
        });
        if let Some((_, _, stacks)) = known {
            return stacks.clone();
        }
        let wanted = Wanted {
            process,
            rows,
            first: &request.first,
            now,
        };
        let stacks = threads::current(&wanted, &mut self.shared);
        if self.current.len() >= MAX_CURRENT {
            self.current.pop_front();
        }
        self.current.push_back((process, now, stacks.clone()));
        stacks
    }
}

const fn kind(opened_by: u8) -> Kind {
    if opened_by == source::ACCEPT {
        Kind::Accept
    } else {
        Kind::Connect
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
