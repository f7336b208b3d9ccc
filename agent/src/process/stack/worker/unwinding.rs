//! The thread that unwinds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use finback_common::row::ThreadRow;
use finback_common::socket::source;

use super::super::image::Image;
use super::super::keeper::{Keeper, Kept};
use super::super::link::Link;
use super::super::memory::Top;
use super::super::model::{Absence, Kind};
use super::super::statistics::{Statistics, add, nanos};
use super::super::threads::{self, Wanted};
use super::super::unwind::{Shared, Trace, Walker};
use super::command::{Command, Request};
use crate::kernel::record::stack::RawStack;
use finback_core::model::socket::ProcessId;
use finback_core::model::time::Timestamp;

/// Processes whose mappings are kept.
const MAX_PROCESSES: usize = 64;
/// Mappings this old are read again: an unknown address makes them be read at once, this is for one that is known but
/// has changed.
const MAPPINGS_AGE: Duration = Duration::from_secs(5);
/// A finding about a process whose threads were looked at so lately gets the same stacks.
const CURRENT_AGE: Duration = Duration::from_secs(1);
/// Processes whose current stacks are remembered.
const MAX_CURRENT: usize = 16;

/// One process as it was after its last exec.
struct Process {
    id: ProcessId,
    exec_id: u32,
    read: Timestamp,
    walker: Walker,
}

/// The thread that unwinds.
pub(super) struct Unwinding {
    shared: Shared,
    processes: VecDeque<Process>,
    keeper: Keeper,
    current: VecDeque<(ProcessId, Timestamp, Vec<Kept>)>,
    statistics: Arc<Statistics>,
}

impl Unwinding {
    pub(super) fn new(link: Link, statistics: Arc<Statistics>) -> Self {
        Self {
            shared: Shared::new(link),
            processes: VecDeque::new(),
            keeper: Keeper::default(),
            current: VecDeque::new(),
            statistics,
        }
    }

    pub(super) fn run(
        mut self,
        commands: &Receiver<Command>,
        unwound: &SyncSender<(u64, Vec<Kept>)>,
    ) {
        for command in commands {
            match command {
                Command::Taken(stacks) => self.take(stacks),
                Command::Ended(socks) => {
                    for (sock, at) in socks {
                        self.keeper.forget(sock, at);
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
