//! A running candidate and what the kernel knows of it.

#[path = "program_name.rs"]
mod name;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a candidate may take to say its first line. Rivals that compile take longest.
const PATIENCE: Duration = Duration::from_secs(30);

/// A candidate; dropping it ends it.
pub(super) struct Daemon {
    child: Child,
    /// From start to its first line.
    pub(super) started: Duration,
}

/// Mebibytes (`/proc/PID/smaps_rollup`).
pub(super) struct Memory {
    pub(super) resident: f64,
    pub(super) anonymous: f64,
    pub(super) file: f64,
}

/// Name of a program to how often it ran and for how many nanoseconds.
pub(super) type Programs = BTreeMap<String, (f64, f64)>;

impl Daemon {
    /// Starts it and waits for its first line; the rest is read and thrown away.
    pub(super) fn start(words: &[String]) -> Result<Self> {
        let [program, args @ ..] = words else {
            bail!("an empty command");
        };
        let started = Instant::now();
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let mut out = BufReader::new(child.stdout.take().context("no pipe")?);
        let (first, said) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            while matches!(out.read_until(b'\n', &mut line), Ok(read) if read > 0) {
                // Only the first is waited for; afterwards nobody listens.
                if first.send(()).is_err() && line.is_empty() {
                    return;
                }
                line.clear();
            }
        });
        let mut daemon = Self {
            child,
            started: Duration::ZERO,
        };
        said.recv_timeout(PATIENCE)
            .with_context(|| format!("{program} said nothing"))?;
        daemon.started = started.elapsed();
        Ok(daemon)
    }

    fn proc(&self, what: &str) -> String {
        format!("/proc/{}/{what}", self.child.id())
    }

    /// Memory now.
    pub(super) fn memory(&self) -> Result<Memory> {
        let text = fs::read_to_string(self.proc("smaps_rollup"))?;
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let (resident, anonymous) = (kib("Rss:") / 1024.0, kib("Anonymous:") / 1024.0);
        Ok(Memory {
            resident,
            anonymous,
            file: resident - anonymous,
        })
    }

    /// What the kernel counted for the programs that the daemon holds (`bpf_prog_show_fdinfo`).
    pub(super) fn programs(&self) -> Result<Programs> {
        let mut programs = Programs::new();
        for entry in fs::read_dir(self.proc("fdinfo"))? {
            let Ok(text) = fs::read_to_string(entry?.path()) else {
                continue;
            };
            let value = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
            };
            if let (Some(id), Some(nanos), Some(runs)) =
                (value("prog_id:"), value("run_time_ns:"), value("run_cnt:"))
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "ids are small"
                )]
                let name = name::of(id as u32).unwrap_or_else(|| format!("program {id}"));
                programs.insert(name, (runs, nanos));
            }
        }
        Ok(programs)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let Ok(pid) = i32::try_from(self.child.id()) else {
            return;
        };
        // SAFETY: the child is ours and not waited for yet, so its id cannot be another's.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let limit = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < limit {
            thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The kernel's counting of program runs, put back as it was on drop.
pub(super) struct Statistics(String);

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

impl Statistics {
    pub(super) fn on() -> Result<Self> {
        let before = fs::read_to_string(Path::new(SWITCH))
            .context("cannot read kernel.bpf_stats_enabled")?;
        fs::write(SWITCH, "1").context("cannot set kernel.bpf_stats_enabled")?;
        Ok(Self(before))
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SWITCH, &self.0) {
            eprintln!("xtask: kernel.bpf_stats_enabled is not put back: {error}");
        }
    }
}
