//! The service manager's watchdog: what it is told was seen.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::daemon::run_command;
use crate::setting::setting;

/// `WatchdogSec=` of the test, in microseconds.
const PATIENCE: &str = "4000000";
/// The daemon asks its thread every second and is told at once. Nothing in so long is nothing at all.
const SILENCE: Duration = Duration::from_secs(4);

/// One thread that stands still while the others go on.
struct Stopped(libc::pid_t);

impl Stopped {
    fn stop(thread: libc::pid_t) -> Result<Self> {
        trace(libc::PTRACE_SEIZE, thread)?;
        let stopped = Self(thread);
        trace(libc::PTRACE_INTERRUPT, thread)?;
        // SAFETY: null is allowed for the status, which nobody reads.
        let done = unsafe { libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL) };
        ensure!(done == thread, "{}", io::Error::last_os_error());
        Ok(stopped)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        drop(trace(libc::PTRACE_DETACH, self.0));
    }
}

fn trace(request: libc::c_uint, thread: libc::pid_t) -> io::Result<()> {
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: none of these requests reads or writes memory of this process.
    let done = unsafe { libc::ptrace(request, thread, none, none) };
    if done == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The thread of that name.
fn thread(child: &Child, name: &str) -> Result<libc::pid_t> {
    for task in fs::read_dir(format!("/proc/{}/task", child.id()))? {
        let task = task?;
        if fs::read_to_string(task.path().join("comm"))?.trim() == name {
            return Ok(task.file_name().to_string_lossy().parse()?);
        }
    }
    anyhow::bail!("no thread {name}")
}

/// Whether a sign of life comes within so long.
fn is_alive(manager: &UnixDatagram, wait: Duration) -> Result<bool> {
    let deadline = Instant::now() + wait;
    let mut message = [0; 4096];
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        manager.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match manager.recv(&mut message) {
            Ok(length) if &message[..length] == b"WATCHDOG=1\n" => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// What lies in the socket is from before.
fn forget(manager: &UnixDatagram) -> Result<()> {
    manager.set_nonblocking(true)?;
    while manager.recv(&mut [0; 4096]).is_ok() {}
    Ok(manager.set_nonblocking(false)?)
}

/// The daemon's loop alone is no sign of life.
pub(crate) fn a_thread_that_stands_still() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let manager = UnixDatagram::bind(dir.path().join("notify"))?;
    let mut child = run_command(&dir, &["--select", "incident"])?
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", PATIENCE)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let judged = judge(&manager, &child, &dir.path().join("finback.sock"));
    child.kill()?;
    child.wait()?;
    judged
}

fn judge(manager: &UnixDatagram, child: &Child, socket: &std::path::Path) -> Result<()> {
    let patience = 2 * setting().patience();
    for time in 1..=2 {
        ensure!(is_alive(manager, patience)?, "no sign of life {time}");
    }
    let looker = Stopped::stop(thread(child, "finback-look")?)?;
    forget(manager)?;
    ensure!(
        !is_alive(manager, SILENCE)?,
        "alive, although the thread that looks stands still"
    );
    let answered = std::os::unix::net::UnixStream::connect(socket).and_then(|mut socket| {
        use std::io::{Read as _, Write as _};
        socket.set_read_timeout(Some(patience))?;
        socket.write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).map(|_| answer)
    });
    let answered = answered.context("the daemon's loop stands still, too")?;
    ensure!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    drop(looker);
    ensure!(
        is_alive(manager, patience)?,
        "no sign of life after the thread went on"
    );
    Ok(())
}
