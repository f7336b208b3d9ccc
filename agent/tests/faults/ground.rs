//! Where a fault happens: a network namespace with leaks that are known, and a load of connections that are handled as
//! they should be.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;
use crate::part::{self, READ, UNREAD};
use crate::program::Program;
use crate::ss::brief_ends;
use crate::traffic::connect_from;

/// As the server sees them.
pub(crate) type Ends = (SocketAddr, SocketAddr);

/// What a leak may be called, and who holds it.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    pub(crate) verdicts: &'static [&'static str],
    pub(crate) holders: Vec<(u32, u32)>,
}

/// How a connection is leaked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Accepted, and not looked at any more.
    Unread,
    /// Read to its end, and kept.
    Read,
    /// Left in the accept queue.
    Queued,
}

impl Manner {
    pub(crate) const ALL: [Self; 3] = [Self::Unread, Self::Read, Self::Queued];

    /// What was told before a daemon came cannot be known to it.
    const fn verdicts(self) -> &'static [&'static str] {
        match self {
            Self::Unread => &["eof_unread"],
            Self::Read => &["not_closed", "eof_not_requested"],
            Self::Queued => &["never_accepted"],
        }
    }
}

/// The namespace, who leaks in it, and what is leaked now.
#[derive(Debug)]
pub(crate) struct Ground {
    namespace: Netns,
    leaker: Program,
    port: u16,
    deaf: (u16, u32),
    _server: Program,
    served: u16,
    load: Option<Program>,
    /// In an accept queue, and nothing wrong with them.
    waiting: Vec<TcpStream>,
    /// Clients that hung up.
    clients: u16,
    planted: BTreeMap<Ends, Planted>,
    ever: BTreeMap<Ends, Planted>,
}

impl Ground {
    /// A namespace with nothing wrong in it.
    pub(crate) fn new() -> Result<Self> {
        let namespace = Netns::new()?;
        brief_ends(&namespace)?;
        let (leaker, server) =
            namespace.inside(|| Ok((part::start("leaker", &[])?, part::start("serve", &[])?)))?;
        let listening = leaker.did("listening")?;
        let port = *listening.ports.first().context("no port")?;
        let deaf = (*listening.ports.last().context("no port")?, listening.fd);
        let served = server.did("listening")?.port;
        Ok(Self {
            namespace,
            leaker,
            port,
            deaf,
            _server: server,
            served,
            load: None,
            waiting: Vec::new(),
            clients: 0,
            planted: BTreeMap::new(),
            ever: BTreeMap::new(),
        })
    }

    /// The same, with one leak of each kind.
    pub(crate) fn leaking() -> Result<Self> {
        let mut ground = Self::new()?;
        for manner in Manner::ALL {
            ground.plant(manner)?;
        }
        ground.queue()?;
        Ok(ground)
    }

    /// A client that waits to be accepted, as clients do.
    pub(crate) fn queue(&mut self) -> Result<()> {
        let deaf = (Ipv4Addr::LOCALHOST, self.deaf.0);
        let client = self.namespace.inside(|| Ok(TcpStream::connect(deaf)?))?;
        self.waiting.push(client);
        Ok(())
    }

    pub(crate) fn namespace(&self) -> &Netns {
        &self.namespace
    }

    /// What has to be found now.
    pub(crate) fn planted(&self) -> &BTreeMap<Ends, Planted> {
        &self.planted
    }

    /// What might have been found since the beginning.
    pub(crate) fn ever(&self) -> &BTreeMap<Ends, Planted> {
        &self.ever
    }

    /// The process that leaks.
    pub(crate) fn leaker(&mut self) -> &mut Program {
        &mut self.leaker
    }

    /// A client hangs up, and that is not noticed.
    pub(crate) fn plant(&mut self, manner: Manner) -> Result<Ends> {
        // A byte that is not read keeps the end from being taken with the one that is.
        let (port, bytes): (_, &[u8]) = match manner {
            Manner::Unread => (self.port, &[UNREAD, 0]),
            Manner::Read => (self.port, &[READ]),
            Manner::Queued => (self.deaf.0, &[]),
        };
        self.clients = self.clients.wrapping_add(1);
        let [high, low] = self.clients.to_be_bytes();
        let client = self.namespace.inside(|| {
            // An address of its own: were a port taken again, the kernel would reset what was left of the other leak.
            let own = (Ipv4Addr::new(127, 2, high, low), 0);
            let peer = (Ipv4Addr::LOCALHOST, port);
            let mut client = connect_from(own.into(), peer.into())?;
            client.write_all(bytes)?;
            Ok(client)
        })?;
        let ends = (client.peer_addr()?, client.local_addr()?);
        drop(client);
        let holders = if port == self.port {
            let kept = self.leaker.did("kept")?;
            ensure!(
                kept.local.zip(kept.peer) == Some(ends),
                "another connection was kept: {kept:?}"
            );
            kept.fds.iter().map(|fd| (kept.pid, *fd)).collect()
        } else {
            vec![(self.leaker.pid(), self.deaf.1)]
        };
        let planted = Planted {
            verdicts: manner.verdicts(),
            holders,
        };
        self.ever.insert(ends, planted.clone());
        self.planted.insert(ends, planted);
        Ok(ends)
    }

    /// It is closed after all.
    pub(crate) fn heal(&mut self, ends: Ends) -> Result<()> {
        self.planted.remove(&ends).context("no such leak")?;
        self.leaker.tell(&format!("heal {}", ends.1))?;
        self.leaker.did("healed").map(drop)
    }

    /// So many short connections a second.
    pub(crate) fn load(&mut self, rate: u32) -> Result<()> {
        let arguments = [self.served.to_string(), rate.to_string()];
        let arguments = [&*arguments[0], &*arguments[1]];
        let load = self.namespace.inside(|| part::start("load", &arguments))?;
        load.did("running")?;
        self.load = Some(load);
        Ok(())
    }

    /// How many there have been.
    pub(crate) fn made(&mut self) -> Result<usize> {
        let load = self.load.as_mut().context("no load")?;
        load.tell("count")?;
        Ok(load.did("counted")?.connections)
    }

    /// No more of them; how many there were.
    pub(crate) fn rest(&mut self) -> Result<usize> {
        let Some(mut load) = self.load.take() else {
            return Ok(0);
        };
        load.tell("stop")?;
        let made = load.did("stopped")?.connections;
        load.end()?;
        Ok(made)
    }
}
