//! Destroys sockets (`SOCK_DESTROY`, since Linux 4.5 with `CONFIG_INET_DIAG_DESTROY`): each by the cookie that the kernel
//! gave it, so that no other one can be meant.

use std::fmt;
use std::io;

use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};
use rustc_hash::FxHashMap;
use rustix::io::Errno;
use rustix::thread::CapabilitySet;
use zerocopy::IntoBytes as _;

use super::sock_diag::{self, NLM_F_REQUEST, Name, Query};
use crate::kernel::netns::{self, Namespace};

const SOCK_DESTROY: u16 = 21;
const NLM_F_ACK: u16 = 4;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its connection is over.
    Destroyed,
    /// There is no such socket, or another one has its addresses.
    Gone,
    /// Not to this user.
    NotPermitted,
    /// Not for another reason (errno).
    Failed(u32),
}

/// Why no socket can be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// The user may not.
    #[error("missing CAP_NET_ADMIN, needed to destroy sockets")]
    Permission,
    /// The kernel cannot.
    #[error("this kernel cannot destroy sockets: it was built without CONFIG_INET_DIAG_DESTROY")]
    Support,
}

/// Every socket of the host, by its cookie.
pub struct Destroyer {
    namespaces: Vec<Namespace>,
    names: FxHashMap<u64, (u32, Name)>,
    /// A connection to the kernel in each namespace that was needed.
    sockets: FxHashMap<u32, Socket>,
}

impl fmt::Debug for Destroyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destroyer")
            .field("sockets", &self.names.len())
            .finish_non_exhaustive()
    }
}

impl Destroyer {
    /// Has every network namespace list its sockets, which gives each of them a cookie: a look that comes later shows it.
    pub fn prepare() -> io::Result<Self> {
        let query = Query {
            states: u32::MAX,
            counters: false,
        };
        let listed = sock_diag::list(query, &[])?.sockets.into_iter();
        let names = listed.map(|socket| (socket.cookie, (socket.endpoints.netns, socket.name)));
        Ok(Self {
            names: names.collect(),
            namespaces: netns::all()?,
            sockets: FxHashMap::default(),
        })
    }

    /// Whether it can be done at all; changes nothing.
    pub fn check(&mut self) -> io::Result<Result<(), Lack>> {
        let sets = rustix::thread::capabilities(None)?;
        if !sets.effective.contains(CapabilitySet::NET_ADMIN) {
            return Ok(Err(Lack::Permission));
        }
        let own = netns::own()?;
        match self.ask(own, Name::of_nobody()) {
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
                Ok(Err(Lack::Support))
            }
            _ => Ok(Ok(())),
        }
    }

    /// Whether this cookie was given when the sockets were listed.
    pub fn knows(&self, cookie: u64) -> bool {
        self.names.contains_key(&cookie)
    }

    /// Destroys the socket with this cookie.
    pub fn destroy(&mut self, cookie: u64) -> Outcome {
        let Some((netns, name)) = self.names.get(&cookie).copied() else {
            return Outcome::Gone;
        };
        outcome(self.ask(netns, name))
    }

    fn ask(&mut self, netns: u32, name: Name) -> io::Result<()> {
        if !self.sockets.contains_key(&netns) {
            let opened = self.open(netns)?;
            self.sockets.insert(netns, opened);
        }
        let socket = self.sockets.get(&netns).ok_or(io::ErrorKind::NotFound)?;
        let request = name.request(SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK);
        socket.send(request.as_bytes(), 0)?;
        sock_diag::acknowledged(socket)
    }

    fn open(&self, netns: u32) -> io::Result<Socket> {
        let open = || Socket::new(NETLINK_SOCK_DIAG);
        if netns == netns::own()? {
            return open();
        }
        let mut all = self.namespaces.iter();
        let namespace = all.find(|namespace| namespace.id == netns);
        let namespace = namespace.ok_or(Errno::NOENT)?;
        netns::within(&namespace.path, open)
    }
}

fn outcome(asked: io::Result<()>) -> Outcome {
    let errno = match asked {
        Ok(()) => return Outcome::Destroyed,
        Err(error) => error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()),
    };
    match Errno::from_raw_os_error(errno) {
        // Another cookie is told as no socket, or (`sock_diag_check_cookie`) as a stale one.
        Errno::NOENT | Errno::STALE => Outcome::Gone,
        Errno::PERM | Errno::ACCESS => Outcome::NotPermitted,
        _ => Outcome::Failed(errno.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use rustix::process::geteuid;

    use super::*;

    /// A destroyer, a connection of this process, and the cookie of its client.
    fn connected() -> (Destroyer, TcpListener, TcpStream, TcpStream, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let destroyer = Destroyer::prepare().unwrap();
        let cookie = rustix::net::sockopt::socket_cookie(&client).unwrap();
        (destroyer, listener, client, server, cookie)
    }

    #[test]
    fn another_cookie_destroys_nothing() {
        let (mut destroyer, _listener, mut client, mut server, cookie) = connected();
        let (netns, mut name) = destroyer.names[&cookie];
        name.id.cookie = [7, u32::MAX];
        let stranger = destroyer.ask(netns, name);
        assert_eq!(outcome(stranger), Outcome::Gone);
        assert_eq!(destroyer.destroy(cookie + (1 << 40)), Outcome::Gone);
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
    }

    #[test]
    fn the_socket_with_the_cookie_is_destroyed_and_no_other() {
        if !geteuid().is_root() {
            println!("only root may destroy sockets");
            return;
        }
        let (mut destroyer, _listener, mut client, mut server, cookie) = connected();
        if destroyer.check().unwrap() == Err(Lack::Support) {
            println!("this kernel cannot");
            return;
        }
        let (_listener, mut other, mut other_server) = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            (listener, other, server)
        };
        assert!(destroyer.knows(cookie));
        assert_eq!(destroyer.destroy(cookie), Outcome::Destroyed);
        assert_eq!(destroyer.destroy(cookie), Outcome::Gone);
        let error = client.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let error = server.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        other.write_all(b"x").unwrap();
        other_server.read_exact(&mut [0]).unwrap();
    }

    #[test]
    fn what_the_kernel_says_is_sorted() {
        let said = |errno: Errno| outcome(Err(errno.into()));
        assert_eq!(said(Errno::NOENT), Outcome::Gone);
        assert_eq!(said(Errno::STALE), Outcome::Gone);
        assert_eq!(said(Errno::PERM), Outcome::NotPermitted);
        assert_eq!(said(Errno::OPNOTSUPP), Outcome::Failed(95));
    }
}
