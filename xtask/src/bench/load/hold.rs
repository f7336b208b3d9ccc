//! Connections that are made and then held by processes of their own: one process may have too few descriptors for
//! all, and what holds them is to be looked for.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::super::network::Network;
use crate::interrupt;

/// Said when all connections are there.
const HELD: &str = "held";
/// Descriptors that a process needs for itself.
const SPARE: usize = 200;

/// What a holding process does.
#[derive(Debug, clap::Args)]
pub(crate) struct HoldPart {
    /// Connections
    #[arg(long)]
    count: usize,
    /// Connect there; without it, listen and say where
    #[arg(long)]
    to: Option<SocketAddrV4>,
}

/// Holds connections until standard input ends.
///
/// # Errors
/// They cannot be made.
pub(crate) fn hold(part: &HoldPart) -> Result<()> {
    raise_limit()?;
    let mut out = io::stdout();
    let held: Vec<TcpStream> = if let Some(to) = part.to {
        (0..part.count)
            .map(|_| TcpStream::connect(to))
            .collect::<io::Result<_>>()?
    } else {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        writeln!(out, "{}", listener.local_addr()?.port())?;
        (0..part.count)
            .map(|_| Ok(listener.accept()?.0))
            .collect::<io::Result<_>>()?
    };
    writeln!(out, "{HELD}")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

/// As many descriptors as this process may have.
fn raise_limit() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of descriptors")
}

/// Connections held by pairs of processes, clients and servers; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    holders: Vec<Holder>,
    connections: usize,
}

#[derive(Debug)]
struct Holder {
    child: Child,
    /// Once all is said only kept open.
    said: BufReader<ChildStdout>,
}

impl Crowd {
    /// Adds connections until there are so many.
    ///
    /// # Errors
    /// A process does not start or cannot connect.
    pub(crate) fn grow(&mut self, network: &Network, wanted: usize) -> Result<()> {
        let most = usize::try_from(getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 20))?;
        let most = most.saturating_sub(SPARE);
        ensure!(most > 0, "too few descriptors are allowed");
        while self.connections < wanted {
            interrupt::check()?;
            let count = (wanted - self.connections).min(most);
            self.add(network, count)?;
            self.connections += count;
        }
        Ok(())
    }

    /// Processes that hold them.
    pub(crate) fn processes(&self) -> usize {
        self.holders.len()
    }

    fn add(&mut self, network: &Network, count: usize) -> Result<()> {
        let mut server = network.with_server(|| Holder::start(count, None))?;
        let port = server.line()?.parse().context("a server named no port")?;
        // 28,000 ports toward each address are enough for one process.
        let to = SocketAddrV4::new(network.server(0), port);
        let mut client = network.with_client(|| Holder::start(count, Some(to)))?;
        for end in [&mut client, &mut server] {
            let said = end.line()?;
            ensure!(said == HELD, "a process cannot hold {count} connections");
        }
        self.holders.extend([client, server]);
        Ok(())
    }
}

impl Holder {
    fn start(count: usize, to: Option<SocketAddrV4>) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "hold", "--count", &count.to_string()]);
        if let Some(to) = to {
            command.args(["--to", &to.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a process that holds connections")?;
        let said = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Self { child, said })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // The end of its input is the sign to go; it also comes if this process is killed.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
