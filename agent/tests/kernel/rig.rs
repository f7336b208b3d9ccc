//! What every test needs: the kernel side, a look, connections.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use finback::kernel::load::report::Means;
use finback::kernel::{Attach, Kernel, KernelError, Looker, Options};
use finback_common::counter::Counter;
use finback_common::hook::{Flavour, Signal};
use finback_core::model::interest::Interest;
use finback_core::model::look::{Candidate, Snapshot, SocketView};
use finback_core::model::observation::Observation;
use finback_core::model::socket::Holder;

/// The host can be busy; records are due within 50 ms.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// The kernel side with its look.
pub(crate) struct Rig {
    pub(crate) kernel: Kernel,
    pub(crate) looker: Looker,
    pub(crate) seen: Vec<Observation>,
}

/// This process is both the agent and the applications.
pub(crate) fn options(attach: Attach) -> Options {
    Options {
        attach,
        ignored_pid: None,
        ..Options::default()
    }
}

impl Rig {
    pub(crate) fn load(options: &Options) -> Self {
        Self::try_load(options)
            .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)))
    }

    fn try_load(options: &Options) -> Result<Self, KernelError> {
        let mut kernel = Kernel::load(options)?;
        let looker = kernel.looker().unwrap();
        assert!(kernel.looker().is_none(), "there is one");
        Ok(Self {
            kernel,
            looker,
            seen: Vec::new(),
        })
    }

    pub(crate) fn auto() -> Self {
        Self::load(&options(Attach::Auto))
    }

    /// Runs a test in each flavour that this kernel offers; the tracepoint flavour is one of them.
    pub(crate) fn in_each_flavour(test: impl Fn(&mut Self)) {
        Self::in_each_flavour_with(&options(Attach::Auto), test);
    }

    /// The same with these options.
    pub(crate) fn in_each_flavour_with(options: &Options, test: impl Fn(&mut Self)) {
        for flavour in Flavour::ALL {
            let options = Options {
                attach: Attach::Forced(*flavour),
                ..options.clone()
            };
            match Self::try_load(&options) {
                Ok(mut rig) => {
                    println!("-- {}", flavour.name());
                    test(&mut rig);
                }
                Err(KernelError::NoSignal { reasons, .. }) if *flavour != Flavour::Tracepoint => {
                    println!("-- {}: {reasons}", flavour.name());
                }
                Err(error) => panic!("{}: {error}", flavour.name()),
            }
        }
    }

    /// Whether this flavour tells on this kernel that an end-of-stream is handed over.
    pub(crate) fn tells_eof(&self) -> bool {
        let eof = self.kernel.report().signal(Signal::Eof).unwrap();
        if let Means::Missing { reason } = &eof.means {
            println!("no eof: {reason}");
        }
        eof.is_available()
    }

    pub(crate) fn ask_for(&mut self, interest: Interest) {
        self.kernel.set_interest(interest).unwrap();
    }

    pub(crate) fn look(&mut self) -> Snapshot {
        self.looker.look(false).unwrap()
    }

    /// What a look says of this end of a connection, which must not be over.
    pub(crate) fn view(&mut self, stream: &TcpStream) -> SocketView {
        let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        find(&self.look(), local, peer).clone()
    }

    /// What a look says of a socket.
    pub(crate) fn view_of(&mut self, sock: u64) -> SocketView {
        let snapshot = self.look();
        let view = snapshot.find(sock);
        view.unwrap_or_else(|| panic!("{sock:#x} is not there"))
            .clone()
    }

    pub(crate) fn scan(&mut self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        self.kernel.scan(&mut candidates);
        candidates
    }

    pub(crate) fn is_candidate(&mut self, sock: u64) -> bool {
        self.scan().iter().any(|candidate| candidate.sock == sock)
    }

    /// FINs that found both places of their sockets taken.
    pub(crate) fn without_place(&self) -> u64 {
        let counters = self.kernel.counters().unwrap();
        let full = counters.iter().find(|(of, _)| *of == Counter::HalfFull);
        full.unwrap().1
    }

    /// Reads records until `wanted` is true of all of them.
    pub(crate) fn until(&mut self, wanted: impl Fn(&[Observation]) -> bool) {
        let start = Instant::now();
        loop {
            while self.kernel.drain(&mut self.seen) {}
            if wanted(&self.seen) {
                return;
            }
            assert!(start.elapsed() < SOON, "{:#?}", self.seen);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until `wanted` is true.
    #[track_caller]
    pub(crate) fn eventually(&mut self, wanted: impl Fn(&mut Self) -> bool) {
        assert!(self.in_time(wanted));
    }

    /// Whether `wanted` becomes true before long.
    pub(crate) fn in_time(&mut self, wanted: impl Fn(&mut Self) -> bool) -> bool {
        let start = Instant::now();
        while !wanted(self) {
            if start.elapsed() >= SOON {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

pub(crate) fn pair(address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (listener, client, server)
}

/// Closes with a reset.
pub(crate) fn abort(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

pub(crate) fn find(snapshot: &Snapshot, local: SocketAddr, peer: SocketAddr) -> &SocketView {
    let is_it = |view: &&SocketView| view.endpoints.local == local && view.endpoints.peer == peer;
    let found = snapshot.sockets.iter().find(is_it);
    found.unwrap_or_else(|| {
        panic!(
            "{local} - {peer} is not among {} sockets",
            snapshot.sockets.len()
        )
    })
}

pub(crate) fn holds(holders: &[Holder], fd: i32) -> bool {
    let me = (std::process::id(), fd.cast_unsigned());
    holders
        .iter()
        .any(|holder| (holder.process.id.pid, holder.fd) == me)
}

/// A network namespace of its own with the loopback device up, for the length of `work` in a thread.
pub(crate) fn in_new_namespace<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let visit = scope.spawn(|| {
            // SAFETY: only this thread moves, and only to another network namespace: no memory is involved.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
                .unwrap();
            let up = Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status()
                .unwrap();
            assert!(up.success());
            work()
        });
        visit.join().unwrap()
    })
}
