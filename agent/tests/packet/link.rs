//! The wire: a TUN device in a network namespace of its own. The kernel under test has one address on it, the
//! scripted peer the other; nothing leaves the machine.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::codec::Segment;
use crate::netns::Netns;
use crate::program::Program;
use crate::trial::skip;
use crate::watch::Ends;

/// The kernel's address.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The scripted peer's.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

const DEVICE: &str = "/dev/net/tun";
const NAME: &str = "tun0";
/// Segments that are kept for the message of a failure.
const TRACE: usize = 24;

/// A namespace whose only way out ends in this process.
#[derive(Debug)]
pub(crate) struct Link {
    device: File,
    namespace: Netns,
    trace: RefCell<Vec<String>>,
}

impl Link {
    /// Makes both.
    pub(crate) fn new() -> Result<Self> {
        if !Path::new(DEVICE).exists() {
            // Where nobody loads modules on demand; the next check says whether it helped.
            drop(Command::new("modprobe").arg("tun").output());
        }
        if !Path::new(DEVICE).exists() {
            return skip(format!("no {DEVICE} (kernel module tun)"));
        }
        let namespace = Netns::new()?;
        let device = namespace.inside(open)?;
        namespace.ip(&["addr", "add", &format!("{HOST}/30"), "dev", NAME])?;
        namespace.ip(&["link", "set", NAME, "up"])?;
        Ok(Self {
            device,
            namespace,
            trace: RefCell::default(),
        })
    }

    /// A connection between two ports, as the daemon sees it from the kernel's end.
    pub(crate) fn ends(&self, host: u16, peer: u16) -> Result<Ends> {
        Ok(Ends::new(host, peer).within(self.namespace.inode()?))
    }

    /// Starts `server.py MANNER` at the kernel's end.
    pub(crate) fn server(&self, manner: &str) -> Result<Program> {
        let address = HOST.to_string();
        self.namespace
            .inside(|| Program::start("server.py", [manner, address.as_str()]))
    }

    /// Starts `client.py MANNER`, which calls this port of the peer.
    pub(crate) fn client(&self, manner: &str, port: u16) -> Result<Program> {
        let (address, port) = (PEER.to_string(), port.to_string());
        self.namespace
            .inside(|| Program::start("client.py", [manner, &address, &port]))
    }

    /// A listener of this process at the kernel's end.
    pub(crate) fn listen(&self) -> Result<TcpListener> {
        self.namespace.inside(|| Ok(TcpListener::bind((HOST, 0))?))
    }

    /// Sets `net.ipv4.NAME` of the kernel's end.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<()> {
        let file = format!("/proc/sys/net/ipv4/{name}");
        self.namespace
            .inside(|| std::fs::write(&file, value).with_context(|| format!("cannot set {name}")))
    }

    /// Puts a segment on the wire.
    pub(crate) fn send(&self, segment: &Segment) -> Result<()> {
        self.note(segment);
        (&self.device)
            .write_all(&segment.encode())
            .with_context(|| format!("cannot send {segment:?}"))
    }

    /// The next TCP segment that the kernel sends; `None` if none comes until then.
    pub(crate) fn receive(&self, deadline: Instant) -> Result<Option<Segment>> {
        let mut packet = vec![0; 65536];
        loop {
            match (&self.device).read(&mut packet) {
                Ok(length) => {
                    if let Some(segment) = Segment::decode(&packet[..length])? {
                        self.note(&segment);
                        return Ok(Some(segment));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    self.wait(left)?;
                }
                Err(error) => return Err(error).context("cannot read from the TUN device"),
            }
        }
    }

    fn wait(&self, time: Duration) -> Result<()> {
        let time = Timespec::try_from(time)?;
        poll(&mut [PollFd::new(&self.device, PollFlags::IN)], Some(&time))?;
        Ok(())
    }

    fn note(&self, segment: &Segment) {
        let mut trace = self.trace.borrow_mut();
        if trace.len() == TRACE {
            trace.remove(0);
        }
        trace.push(format!("{segment:?}"));
    }

    /// The last segments in both directions, for a human.
    pub(crate) fn trace(&self) -> String {
        self.trace.borrow().join("\n")
    }
}

/// A device that hands over plain IP packets and vanishes when it is closed.
fn open() -> Result<File> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(DEVICE)
        .with_context(|| format!("cannot open {DEVICE}"))?;
    let mut name = [0; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(NAME.bytes()) {
        *to = libc::c_char::try_from(from)?;
    }
    let request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: libc::c_short::try_from(libc::IFF_TUN | libc::IFF_NO_PI)?,
        },
    };
    // SAFETY: the descriptor is open, and TUNSETIFF reads and writes one ifreq, which outlives the call.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw const request) };
    if result != 0 {
        return Err(std::io::Error::last_os_error()).context("cannot make a TUN device");
    }
    Ok(device)
}
