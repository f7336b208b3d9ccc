//! Connections that nobody looks after, and what is told of them.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use crate::daemon::Daemon;
use crate::wire::{Action, Confidence, Event};

pub(super) fn listener() -> Result<Arc<TcpListener>> {
    Ok(Arc::new(TcpListener::bind("127.0.0.1:0")?))
}

/// Its own port and its peer's, of an event about a connection.
pub(super) fn ports(event: &Event) -> Option<(u16, u16)> {
    let (local, peer) = event.ends()?;
    Some((local.port(), peer.port()))
}

/// A connection of this very process that it does not look after.
pub(super) struct Leak {
    _listener: Arc<TcpListener>,
    _kept: TcpStream,
    /// Its own port, and its peer's.
    pub(super) ports: (u16, u16),
    /// The other end hung up between these moments.
    fin: (Timestamp, Timestamp),
}

impl Leak {
    /// Of a server.
    pub(super) fn of_server(listener: &Arc<TcpListener>) -> Result<Self> {
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(b"hello")?;
        let (kept, _) = listener.accept()?;
        Self::left(Arc::clone(listener), kept, client)
    }

    /// Of a client: who has opened it, only a hook can tell.
    pub(super) fn of_client() -> Result<Self> {
        let listener = listener()?;
        let kept = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        server.write_all(b"an answer")?;
        Self::left(listener, kept, server)
    }

    fn left(listener: Arc<TcpListener>, kept: TcpStream, other: TcpStream) -> Result<Self> {
        let before = Timestamp::now();
        drop(other);
        Ok(Self {
            ports: (kept.local_addr()?.port(), kept.peer_addr()?.port()),
            _listener: listener,
            _kept: kept,
            fin: (before, Timestamp::now()),
        })
    }

    pub(super) fn is_of(&self, event: &Event) -> bool {
        ports(event) == Some(self.ports)
    }

    /// Waits for an event of its finding.
    pub(super) fn told(&self, daemon: &Daemon, action: Action) -> Result<Event> {
        daemon.wait_for(0, &format!("{action:?} of {:?}", self.ports), |event| {
            let finding = event.finding.as_ref();
            self.is_of(event) && finding.is_some_and(|finding| finding.action == action)
        })
    }

    /// How often something was told of it.
    pub(super) fn count(&self, daemon: &Daemon, action: Action) -> usize {
        daemon.stream().count(0, |event| {
            let finding = event.finding.as_ref();
            self.is_of(event) && finding.is_some_and(|finding| finding.action == action)
        })
    }
}

pub(super) fn id(event: &Event) -> Result<u64> {
    let finding = event.finding.as_ref().context("no finding")?;
    finding.id.as_u64().context("no number")
}

/// The FIN's moment, to 50 ms: each daemon relates the kernel's clock to the wall clock anew.
pub(super) fn knows_the_fin(event: &Event, leak: &Leak) -> Result<()> {
    let finding = event.finding.as_ref().context("no finding")?;
    let since = finding.half_closed_since.as_ref();
    let since: Timestamp = since.context("no moment of the FIN")?.parse()?;
    let slack = Duration::from_millis(50);
    let (first, last) = (leak.fin.0 - slack, leak.fin.1 + slack);
    ensure!(
        first <= since && since <= last,
        "{since} is not in {first}..{last}"
    );
    ensure!(finding.confidence == Confidence::Proven, "{finding:?}");
    Ok(())
}
