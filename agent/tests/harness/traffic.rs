//! The ends of connections that the test itself holds, and the programs at their other ends.

use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::Result;
use rustix::net::sockopt::{set_socket_linger, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::program::{Did, Program};
use super::watch::Ends;

/// A server program with a client of the test connected to it.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The program.
    pub(crate) server: Program,
    /// Its listener.
    pub(crate) listening: Did,
    /// The client's end.
    pub(crate) client: TcpStream,
}

impl Pair {
    /// Starts `server.py MANNER ADDRESS` and connects.
    pub(crate) fn new(manner: &str, address: &str) -> Result<Self> {
        Self::reached_at(manner, address, address)
    }

    /// The same for a listener that is reached under another address than it is bound to.
    pub(crate) fn reached_at(manner: &str, bound: &str, address: &str) -> Result<Self> {
        Self::connected(Program::start("server.py", [manner, bound])?, address)
    }

    /// Starts `SCRIPT MANNER` and connects.
    pub(crate) fn of(script: &str, manner: &str) -> Result<Self> {
        let address = "127.0.0.1";
        Self::connected(Program::start(script, [manner, address])?, address)
    }

    /// Connects to a server that was started.
    pub(crate) fn served_by(server: Program) -> Result<Self> {
        Self::connected(server, "127.0.0.1")
    }

    fn connected(server: Program, address: &str) -> Result<Self> {
        let listening = server.did("listening")?;
        let client = TcpStream::connect((address.parse::<IpAddr>()?, listening.port))?;
        Ok(Self {
            server,
            listening,
            client,
        })
    }

    /// The client is gone; nobody waits for an answer.
    pub(crate) fn hang_up(self) -> Result<(Program, Ends)> {
        let ends = self.ends()?;
        drop(self.client);
        Ok((self.server, ends))
    }

    /// The connection as the server has it.
    pub(crate) fn ends(&self) -> Result<Ends> {
        Ok(Ends::new(
            self.listening.port,
            self.client.local_addr()?.port(),
        ))
    }
}

/// Connects from a chosen port.
pub(crate) fn connect_from(local: SocketAddr, peer: SocketAddr) -> Result<TcpStream> {
    let family = if peer.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let end = socket(family, SocketType::STREAM, None)?;
    set_socket_reuseaddr(&end, true)?;
    bind(&end, &local)?;
    connect(&end, &peer)?;
    Ok(TcpStream::from(end))
}

/// Ends a connection with RST.
pub(crate) fn reset(end: TcpStream) -> Result<()> {
    set_socket_linger(&end, Some(std::time::Duration::ZERO))?;
    drop(end);
    Ok(())
}
