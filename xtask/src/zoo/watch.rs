//! finback with its default settings, and the thread that reads what it says.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};

use super::judge::Record;

/// For the first line: programs are loaded and proven before it.
const START: Duration = Duration::from_mins(1);

/// A daemon at work.
#[derive(Debug)]
pub(super) struct Watch {
    finback: Child,
    reader: Option<JoinHandle<Record>>,
}

impl Watch {
    /// Starts it in this process's namespaces, and waits until it follows. What it says of the zoo is kept in `folder`
    /// as well.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(binary: &Path, folder: &Path, record: Record) -> Result<Self> {
        let mut finback = Command::new(binary)
            .args(["run", "--history", "off", "--format", "json", "--socket"])
            .arg(folder.join("finback.sock"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("finback.log"))?)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let lines = finback.stdout.take().context("no pipe from finback")?;
        let kept = BufWriter::new(File::create(folder.join("said.ndjson"))?);
        let (started, first) = channel();
        let reader = thread::spawn(move || read(lines, record, kept, &started));
        let watch = Self {
            finback,
            reader: Some(reader),
        };
        let late = |_| {
            anyhow!(
                "finback did not start: see {}/finback.log",
                folder.display()
            )
        };
        first.recv_timeout(START).map_err(late)?;
        Ok(watch)
    }

    /// Ends it; what it said.
    ///
    /// # Errors
    /// It ended before, or a thread panicked.
    pub(super) fn finish(mut self) -> Result<Record> {
        let ended = self.finback.try_wait()?;
        self.end();
        let reader = self.reader.take().context("no reader")?;
        let record = reader
            .join()
            .map_err(|_panic| anyhow!("the reader panicked"))?;
        match ended {
            Some(status) => Err(anyhow!("finback ended by itself: {status}")),
            None => Ok(record),
        }
    }

    fn end(&mut self) {
        // It may have ended already.
        kill_process(Pid::from_child(&self.finback), Signal::TERM).unwrap_or_default();
        drop(self.finback.wait());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.reader.is_some() {
            self.end();
        }
    }
}

fn read(
    lines: ChildStdout,
    mut record: Record,
    mut kept: BufWriter<File>,
    started: &Sender<()>,
) -> Record {
    for line in BufReader::new(lines).lines().map_while(Result::ok) {
        // Nobody waits any more after the first.
        started.send(()).unwrap_or_default();
        if record.line(&line, SystemTime::now()) {
            // A full disk must not end the judgement.
            drop(writeln!(kept, "{line}").and_then(|()| kept.flush()));
        }
    }
    record
}
