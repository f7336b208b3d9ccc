//! The command itself: how it is started, which signals it is handed, how it has ended.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// The user who has called `sudo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub id: u32,
    /// Group id.
    pub group: u32,
}

impl User {
    /// As `sudo` says in the environment; `None` if it was not used.
    pub fn who_called_sudo() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        Some(Self {
            id: number("SUDO_UID")?,
            group: number("SUDO_GID")?,
        })
    }
}

/// The command line as the user has given it.
pub(super) fn command(words: &[OsString], user: Option<&User>) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
        if let Some((name, home)) = account(user.id) {
            command
                .env("HOME", home)
                .env("USER", &name)
                .env("LOGNAME", name);
        }
    }
    Some(command)
}

/// Name and home of a user, if the file of users knows it.
fn account(id: u32) -> Option<(String, String)> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let words: Vec<&str> = line.split(':').collect();
        let [name, _, number, _, _, home, ..] = words.as_slice() else {
            return None;
        };
        (number.parse() == Ok(id)).then(|| ((*name).to_owned(), (*home).to_owned()))
    })
}

/// The exit code that a shell would give: the command's own, or 128 and its signal.
pub(super) fn code(status: ExitStatus) -> u8 {
    let own = status.code();
    let code = own.or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// What this process is sent in the command's place.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}

/// Hands a signal on, unless the command has had it: a terminal sends its own to both.
pub(super) fn hand_on(child: &Child, signal: Signal) {
    let from_terminal = matches!(signal, Signal::INT | Signal::QUIT) && is_in_foreground();
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let Some(pid) = pid.and_then(Pid::from_raw).filter(|_| !from_terminal) else {
        return;
    };
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!(%error, "the command cannot be sent a signal");
    }
}

fn is_in_foreground() -> bool {
    let terminal = File::open("/dev/tty").ok();
    let group = terminal.and_then(|terminal| tcgetpgrp(&terminal).ok());
    group == Some(getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_a_signal_is_128_and_its_number() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(0)), 0);
        assert_eq!(code(ExitStatus::from_raw(15)), 143);
    }

    #[test]
    fn root_s_home_is_known() {
        let (name, home) = account(0).unwrap();
        assert_eq!((name.as_str(), home.is_empty()), ("root", false));
        assert_eq!(account(u32::MAX), None);
    }
}
