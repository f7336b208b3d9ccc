//! The actors of the long run, led.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Subject, connections};
use crate::actor::actor;
use crate::netns::Netns;
use crate::program::{Did, Program};

const SERVERS: usize = 2;
const CLIENTS: usize = 3;
const WAVES: usize = 10;
/// Ends left open by each client, about.
const KEPT: usize = 60;

/// The actors.
pub(super) struct Cast {
    servers: Vec<(Program, Did)>,
    clients: Vec<Program>,
}

impl Cast {
    pub(super) fn start(namespace: &Netns, seed: u64) -> Result<Self> {
        namespace.inside(|| {
            let mut servers = Vec::new();
            for _ in 0..SERVERS {
                let server = Program::launch("server", actor("server")?)?;
                let listening = server.did("listening")?;
                servers.push((server, listening));
            }
            let mut cast = Self {
                servers,
                clients: Vec::new(),
            };
            let ports: Vec<String> = cast.ports().iter().map(u16::to_string).collect();
            for n in 0..CLIENTS {
                let mut command: Command = actor("client")?;
                let one_in = (connections() / CLIENTS / KEPT).max(1);
                command
                    .arg((seed + 1_000_003 * n as u64).to_string())
                    .arg(one_in.to_string())
                    .args(&ports);
                cast.clients.push(Program::launch("client", command)?);
            }
            Ok(cast)
        })
    }

    /// Three of each server.
    pub(super) fn ports(&self) -> Vec<u16> {
        let all = self.servers.iter().map(|(_, listening)| &listening.ports);
        all.flatten().copied().collect()
    }

    /// Gives how many connections were made.
    pub(super) fn perform(&mut self, subject: &Subject) -> Result<usize> {
        let count = connections().div_ceil(CLIENTS * WAVES);
        let mut made = 0;
        for wave in 0..WAVES {
            for client in &mut self.clients {
                client.tell(&format!("wave {count}"))?;
            }
            if wave % 3 == 1 {
                thread::sleep(Duration::from_millis(200));
                subject.pause(Duration::from_millis(500))?;
            }
            for client in &self.clients {
                made += client.did("wave")?.connections;
            }
        }
        Ok(made)
    }

    /// What was left open.
    pub(super) fn report(&mut self) -> Result<Vec<Did>> {
        let mut kept = Vec::new();
        let servers = self.servers.iter_mut().map(|(server, _)| server);
        for program in servers.chain(&mut self.clients) {
            program.tell("report")?;
            let count = program.did("report")?.connections;
            for _ in 0..count {
                kept.push(program.did("kept")?);
            }
        }
        for end in kept.iter_mut().filter(|end| end.pid == 0) {
            let port = end.local.map(|local| local.port());
            let mut listeners = self.servers.iter().map(|(_, listening)| listening);
            let owner = listeners.find(|l| l.ports.get(2).copied() == port);
            let owner = owner.context("a connection to nobody")?;
            (end.pid, end.fds) = (owner.pid, vec![owner.fd]);
        }
        Ok(kept)
    }

    /// Everybody ends, with everything open.
    pub(super) fn leave(self) -> Result<()> {
        for client in self.clients {
            client.end()?;
        }
        for (server, _) in self.servers {
            server.end()?;
        }
        Ok(())
    }
}
