//! The daemon's end of a reader: starts it, hears its death, replaces it, and remembers whose programs it died of.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::files::FileId;
use super::statistics::Statistics;
use super::wire::Socket;

/// A reader that takes longer than this for one order or answer hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// A reader that has worked so long is replaced: what it remembers may be much by then.
const LIFE: Duration = Duration::from_mins(1);
/// A reader that lives so long is well; the next one may be started at once.
const WELL: Duration = Duration::from_mins(1);
/// How long no reader is started after the second death in a row. Doubles with each further one.
const REST: Duration = Duration::from_millis(100);
const MAX_REST: Duration = Duration::from_secs(30);
/// Deaths of a reader after which a program is left alone.
const MAX_DEATHS: u8 = 2;
/// Programs that are remembered to have ended a reader.
const MAX_BLAMED: usize = 1024;

/// What a reader works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// Stacks of a program, as a user runs it: what it has mapped beside its own file is that user's choice.
    Program(FileId, u32),
    /// Names in a file.
    File(FileId),
    /// A list of generated code.
    Generated(FileId),
}

type Start = Box<dyn Fn(OwnedFd) -> io::Result<Option<Child>> + Send>;

/// A reader, or the place of one.
pub(super) struct Link {
    start: Start,
    running: Option<Running>,
    deaths: u32,
    not_before: Instant,
    blamed: FxHashMap<Subject, u8>,
    statistics: Arc<Statistics>,
}

struct Running {
    child: Option<Child>,
    socket: Socket,
    since: Instant,
    worked: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both can only fail if it has ended and been waited for.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Link {
    /// Readers are started when they are needed, by running `program`.
    pub(super) fn new(program: &Path, statistics: Arc<Statistics>) -> Self {
        let program = program.to_owned();
        let start = move |socket| {
            Command::new(&program)
                .arg0("finback")
                .arg(super::reader::COMMAND)
                .env_clear()
                .current_dir("/")
                .stdin(Stdio::from(socket))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map(Some)
        };
        Self::with(Box::new(start), statistics)
    }

    fn with(start: Start, statistics: Arc<Statistics>) -> Self {
        Self {
            start,
            running: None,
            deaths: 0,
            not_before: Instant::now(),
            blamed: FxHashMap::default(),
            statistics,
        }
    }

    /// Ends the reader until it is needed again.
    pub(super) fn rest(&mut self) {
        self.running = None;
    }

    /// Gives orders and takes what they bring; `None` if there is no reader now, or if it fails.
    pub(super) fn ask<T>(
        &mut self,
        subject: Subject,
        talk: impl FnOnce(&mut Socket) -> io::Result<T>,
    ) -> Option<T> {
        if self.blamed.get(&subject) >= Some(&MAX_DEATHS) {
            return None;
        }
        let running = self.running()?;
        let before = Instant::now();
        let answer = talk(&mut running.socket);
        running.worked += before.elapsed();
        match answer {
            Ok(answer) => {
                if running.worked >= LIFE {
                    self.running = None;
                }
                Some(answer)
            }
            Err(error) => {
                self.bury(subject, &error);
                None
            }
        }
    }

    fn running(&mut self) -> Option<&mut Running> {
        if self.running.is_none() && Instant::now() >= self.not_before {
            match self.start() {
                Ok(running) => self.running = Some(running),
                Err(error) => {
                    tracing::warn!(%error, "no process can be started that reads programs");
                    self.wait();
                }
            }
        }
        self.running.as_mut()
    }

    fn start(&self) -> io::Result<Running> {
        let (socket, other) = Socket::pair(PATIENCE)?;
        Ok(Running {
            child: (self.start)(other)?,
            socket,
            since: Instant::now(),
            worked: Duration::ZERO,
        })
    }

    fn bury(&mut self, subject: Subject, error: &io::Error) {
        let lived = self.running.take().map(|running| running.since.elapsed());
        tracing::debug!(%error, ?subject, ?lived, "a process that reads programs has ended");
        self.statistics.failures.fetch_add(1, Ordering::Relaxed);
        if self.blamed.len() >= MAX_BLAMED {
            self.blamed.clear();
        }
        *self.blamed.entry(subject).or_default() += 1;
        if lived.is_some_and(|lived| lived >= WELL) {
            self.deaths = 0;
        }
        self.wait();
    }

    fn wait(&mut self) {
        self.not_before = Instant::now() + rest(self.deaths);
        self.deaths = self.deaths.saturating_add(1);
    }
}

/// How long no reader is started, after so many deaths before this one: the first may be an accident.
fn rest(deaths: u32) -> Duration {
    match deaths {
        0 => Duration::ZERO,
        _ => REST
            .saturating_mul(2_u32.saturating_pow(deaths - 1))
            .min(MAX_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::stack::{reader, wire};

    impl Link {
        /// A reader in a thread of this process, with all its rights.
        pub(in crate::process::stack) fn in_thread() -> Self {
            let start = |socket: OwnedFd| {
                std::thread::spawn(|| reader::serve(socket.into()).unwrap());
                Ok(None)
            };
            Self::with(Box::new(start), Arc::default())
        }

        /// Readers that end as soon as they are asked.
        fn that_dies() -> Self {
            let start = |socket: OwnedFd| {
                std::thread::spawn(|| {
                    let mut socket = Socket::from(socket);
                    drop(socket.receive::<wire::Order<'_>>());
                });
                Ok(None)
            };
            Self::with(Box::new(start), Arc::default())
        }
    }

    fn subject(user: u32) -> Subject {
        let data = std::fs::metadata("/").unwrap();
        Subject::Program(FileId::of(&data), user)
    }

    fn ask(link: &mut Link, subject: Subject) -> bool {
        let order = wire::Order::Name {
            file: 1,
            addresses: Vec::new(),
        };
        let asked = link.ask(subject, |socket| {
            socket.send(&order, None)?;
            socket.receive::<wire::Reply>()
        });
        asked.is_some()
    }

    #[test]
    fn a_program_that_ended_two_readers_is_left_alone_and_others_are_not() {
        let mut link = Link::that_dies();
        for deaths in [1, 2, 2, 2] {
            link.not_before = Instant::now();
            assert!(!ask(&mut link, subject(1)));
            assert_eq!(link.statistics.failures.load(Ordering::Relaxed), deaths);
        }
        link.not_before = Instant::now();
        assert!(!ask(&mut link, subject(2)));
        assert_eq!(link.statistics.failures.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn readers_that_die_are_replaced_ever_more_slowly() {
        let rests = [0, 1, 2, 3, 20, u32::MAX].map(rest);
        assert_eq!(
            rests,
            [0, 100, 200, 400, 30_000, 30_000].map(Duration::from_millis)
        );
        let mut link = Link::that_dies();
        link.not_before = Instant::now() + MAX_REST;
        assert!(!ask(&mut link, subject(1)));
        assert_eq!(link.statistics.failures.load(Ordering::Relaxed), 0);
    }
}
