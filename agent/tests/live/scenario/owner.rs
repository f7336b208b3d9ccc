//! The right process, not a likely one.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::INHERITED;
use crate::program::Program;
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::watch::{Ends, Watch};

/// The parent accepts, a child inherits, the parent closes: the child is named, never the parent.
pub(crate) fn inherited_by_fork(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("forks", "127.0.0.1")?;
    let parent = pair.server.did("accepted")?;
    let child = pair.server.did("inherited")?;
    ensure!(
        parent.pid != child.pid && parent.inode == child.inode,
        "no inheritance: {parent:?} {child:?}"
    );
    let ends = pair.ends()?;
    drop(pair.client);
    // Who accepted it must have been seen.
    let leak = if watch.sees_accept() {
        Leak {
            verdicts: &["inherited"],
            attributions: &["inherited"],
            threshold: INHERITED,
            ..Leak::of_server(&watch, &child)
        }
    } else {
        Leak {
            attributions: &["inherited", "holder"],
            ..Leak::of_server(&watch, &child)
        }
    };
    let opened = watch.expect(ends, &leak)?;
    pair.server.tell("close")?;
    pair.server.did("closed")?;
    watch.expect_end(&opened, &["closed_by_app"])?;
    watch.finish()
}

const AT_ONCE: usize = 50;
const CLIENTS: usize = 5;
const SERVERS: usize = 2;

/// 50 connections at once between seven processes: no transition carries a wrong process.
pub(crate) fn right_process_in_a_crowd(watch: Watch<'_>) -> Result<()> {
    let mut crowd = Crowd::start()?;
    let owners = crowd.connect()?;
    for ends in owners.keys().filter(|ends| ends.is_client) {
        watch.transition(ends.ends, "established")?;
    }
    crowd.close()?;
    for ends in owners.keys() {
        // The client closes first: its end goes through TIME_WAIT, the server's to CLOSED.
        watch.transition(
            ends.ends,
            if ends.is_client {
                "fin_wait_1"
            } else {
                "closed"
            },
        )?;
    }
    let mut known = 0;
    for event in watch.select(|event| event.transition.is_some()) {
        let owner = owners.iter().find(|(crowd, _)| crowd.ends.is_of(&event));
        let Some((end, owner)) = owner else { continue };
        match event.pid() {
            Some(pid) => ensure!(
                pid == *owner,
                "process {pid}, not {owner}: {}",
                crate::daemon::line(&event)
            ),
            None => ensure!(
                !end.is_client && may_be_unknown(&watch, &event),
                "no process: {}",
                crate::daemon::line(&event)
            ),
        }
        known += usize::from(event.pid().is_some());
    }
    ensure!(
        known >= 4 * AT_ONCE,
        "only {known} transitions of {AT_ONCE} connections carry a process"
    );
    watch.finish()
}

/// Nobody has accepted a server's connection when it is established. Where accept is not seen, the process shows
/// itself when it is handed the end or ends its side, unless the kernel skips the programs that would see that.
fn may_be_unknown(watch: &Watch<'_>, event: &crate::wire::Event) -> bool {
    let early = matches!(event.to(), Some("syn_received" | "established"));
    early || !watch.sees_accept()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CrowdEnd {
    ends: Ends,
    is_client: bool,
}

struct Crowd {
    servers: Vec<Program>,
    clients: Vec<Program>,
    ports: Vec<u16>,
}

impl Crowd {
    fn start() -> Result<Self> {
        let mut crowd = Self {
            servers: Vec::new(),
            clients: Vec::new(),
            ports: Vec::new(),
        };
        for _ in 0..SERVERS {
            let server = Program::start("crowd.py", ["serve"])?;
            crowd.ports.push(server.did("listening")?.port);
            crowd.servers.push(server);
        }
        let each = (AT_ONCE / CLIENTS).to_string();
        for number in 0..CLIENTS {
            let port = crowd.ports[number % SERVERS].to_string();
            let client = Program::start("crowd.py", ["connect", "127.0.0.1", &port, &each, &each])?;
            crowd.clients.push(client);
        }
        for client in &crowd.clients {
            client.did("ready")?;
        }
        Ok(crowd)
    }

    /// All at once. Gives the process of each end.
    fn connect(&mut self) -> Result<BTreeMap<CrowdEnd, u32>> {
        for client in &mut self.clients {
            client.tell("go")?;
        }
        let mut owners = BTreeMap::new();
        for (number, client) in self.clients.iter().enumerate() {
            let server = number % SERVERS;
            for port in client.did("open")?.ports {
                let ends = Ends::new(port, self.ports[server]);
                owners.insert(
                    CrowdEnd {
                        ends,
                        is_client: true,
                    },
                    client.pid(),
                );
                owners.insert(
                    CrowdEnd {
                        ends: ends.reversed(),
                        is_client: false,
                    },
                    self.servers[server].pid(),
                );
            }
        }
        ensure!(
            owners.len() == 2 * AT_ONCE,
            "{} ends of {AT_ONCE} connections",
            owners.len()
        );
        Ok(owners)
    }

    fn close(&mut self) -> Result<()> {
        for client in &mut self.clients {
            client.tell("close")?;
        }
        for client in &self.clients {
            client.did("done").context("closing the crowd")?;
        }
        Ok(())
    }
}
