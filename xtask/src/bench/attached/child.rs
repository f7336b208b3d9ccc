//! A program that is measured: started, drained, asked for its time and memory, ended.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use crate::interrupt;

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to end when asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Lines of its standard error that are kept.
const KEPT: usize = 50;

/// A running program; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Child {
    running: process::Child,
    started: Instant,
    seen: Arc<Seen>,
}

/// What its output's readers have seen.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes of standard output, which is read and thrown away as `> /dev/null` behind a pipe would.
    bytes: AtomicU64,
    /// Nanoseconds from its start to its first output; 0 if there is none yet.
    first: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Child {
    /// Starts it.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let die = || Ok(set_parent_process_death_signal(Some(Signal::TERM))?);
        // SAFETY: the closure only calls prctl, which may be called between fork and exec.
        unsafe { command.pre_exec(die) };
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let seen = Arc::new(Seen::default());
        let (out, err) = (child.stdout.take(), child.stderr.take());
        if let Some(out) = out {
            let seen = Arc::clone(&seen);
            thread::spawn(move || seen.drain(out, started));
        }
        if let Some(err) = err {
            let seen = Arc::clone(&seen);
            thread::spawn(move || seen.keep(err));
        }
        Ok(Self {
            running: child,
            started,
            seen,
        })
    }

    /// Waits until `is_ready` says so.
    ///
    /// # Errors
    /// It ended before (with what it said), or takes too long.
    pub(crate) fn wait_until(&mut self, is_ready: impl Fn(&Self) -> bool) -> Result<()> {
        while !is_ready(self) {
            interrupt::check()?;
            if let Some(status) = self.running.try_wait()? {
                // Its last words may still be on their way.
                thread::sleep(Duration::from_millis(20));
                bail!("ended at once ({status}): {}", self.errors().join(" "));
            }
            if self.started.elapsed() > PATIENCE {
                bail!("is not ready after {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Bytes that it has written to standard output.
    pub(crate) fn written(&self) -> u64 {
        self.seen.bytes.load(Ordering::Relaxed)
    }

    /// From its start to its first output.
    pub(crate) fn first_output(&self) -> Option<Duration> {
        let nanos = self.seen.first.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// The last lines of its standard error.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.seen.errors.lock();
        errors.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// User and system time of all its threads so far, those that have ended included.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let pid = libc::pid_t::try_from(self.running.id())?;
        let mut clock = 0;
        // SAFETY: writes one clock id.
        let error = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
        if error != 0 {
            return Err(std::io::Error::from_raw_os_error(error)).context("its time is not told");
        }
        clock_now(clock)
    }

    /// Bytes of memory that are resident: all, and those that no file backs.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.running.id()))?;
        let bytes = |name: &str| -> Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next());
            Ok(kib.with_context(|| format!("no {name}"))?.parse::<u64>()? << 10)
        };
        Ok((bytes("Rss:")?, bytes("Anonymous:")?))
    }
}

impl Seen {
    fn drain(&self, mut out: process::ChildStdout, started: Instant) {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(read @ 1..) = out.read(&mut chunk) {
            if self.bytes.fetch_add(read as u64, Ordering::Relaxed) == 0 {
                let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.first.store(nanos, Ordering::Relaxed);
            }
        }
    }

    fn keep(&self, err: process::ChildStderr) {
        for line in BufReader::new(err).lines().map_while(Result::ok) {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            if errors.len() == KEPT {
                errors.remove(0);
            }
            errors.push(line);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.running.id())
            .ok()
            .and_then(Pid::from_raw)
        {
            // Not waited for yet, so the id cannot be another's. Fails only if it has ended.
            let _gone = kill_process(pid, Signal::TERM);
        }
        let limit = Instant::now() + GRACE;
        while matches!(self.running.try_wait(), Ok(None)) && Instant::now() < limit {
            thread::sleep(Duration::from_millis(2));
        }
        drop(self.running.kill());
        drop(self.running.wait());
    }
}

/// CPU time of this process: the load, and the reading of others' output.
///
/// # Errors
/// As `clock_gettime(2)`.
pub(crate) fn own_cpu() -> Result<Duration> {
    clock_now(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of all children that have ended and were waited for.
///
/// # Errors
/// As getrusage(2).
pub(crate) fn ended_cpu() -> Result<Duration> {
    // SAFETY: all-zero is a valid `rusage`: numbers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes one rusage.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return Err(std::io::Error::last_os_error()).context("the children's time is not told");
    }
    let span = |time: libc::timeval| -> Result<Duration> {
        let micros = u64::try_from(time.tv_usec)?;
        Ok(Duration::from_secs(u64::try_from(time.tv_sec)?) + Duration::from_micros(micros))
    };
    Ok(span(usage.ru_utime)? + span(usage.ru_stime)?)
}

fn clock_now(clock: libc::clockid_t) -> Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one timespec.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(std::io::Error::last_os_error()).context("a clock is not told");
    }
    Ok(Duration::new(
        u64::try_from(time.tv_sec)?,
        u32::try_from(time.tv_nsec)?,
    ))
}
