//! journald's socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use super::super::{Answer, Carrier};
use super::entry::{Accused, Entry, put};
use crate::output::clock::{Time, WallClock};
use crate::process;

/// Pids are not used again so soon, and a clock that is set meanwhile costs the field, not the entry.
const SAME: Duration = Duration::from_secs(1);

/// Sends entries, each in a datagram. It is made anew after an error: journald may have been started again.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Socket {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, socket: None }
    }

    fn open(&mut self) -> io::Result<&UnixDatagram> {
        if self.socket.is_none() {
            let socket = UnixDatagram::unbound()?;
            socket.connect(&self.path)?;
            // A journald that does not read is one that is tried again.
            socket.set_nonblocking(true)?;
            self.socket = Some(socket);
        }
        self.socket
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn send(&mut self, entry: &Entry) -> io::Result<()> {
        let mut fields = entry.fields.clone();
        if let Some(accused) = entry.accused.filter(|accused| lives(*accused)) {
            put(&mut fields, "OBJECT_PID", &accused.pid.to_string());
        }
        self.open()?.send(&fields).map(drop)
    }
}

impl Carrier<Entry> for Socket {
    async fn deliver(&mut self, batch: &[Entry]) -> Answer {
        let sent = batch.iter().try_for_each(|entry| self.send(entry));
        let Err(error) = sent else {
            return Answer::Delivered;
        };
        self.socket = None;
        let why = format!("cannot write to {}: {error}", self.path.display());
        if error.raw_os_error() == Some(libc::EMSGSIZE) {
            Answer::refused(why)
        } else {
            Answer::later(why)
        }
    }
}

/// Whether a process is still the one that was meant: journald would name another one's unit.
pub(super) fn lives(accused: Accused) -> bool {
    let Some(birth) = process::birth(accused.pid) else {
        return false;
    };
    let start = WallClock::measure().at(birth.start);
    !birth.ended && distance(start, accused.start) < SAME
}

fn distance(a: Time, b: Time) -> Duration {
    a.since(b).max(b.since(a))
}
