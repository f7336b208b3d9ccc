//! The connecting side.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{Dice, Script, actor, keep, kept, leave_open, orders, say};
use crate::traffic::reset;

/// IPv4 addresses of the loopback device in use.
const ADDRESSES: u8 = 8;
/// Connections of a process that ends without closing them.
const QUIT: usize = 20;

/// The ports of a server: for IPv4, for IPv6, and the one that is never accepted from.
#[derive(Clone, Copy, Debug)]
struct Ports([u16; 3]);

impl Ports {
    fn read(words: &[String]) -> Result<Self> {
        let ports: Vec<u16> = words
            .iter()
            .map(|word| word.parse())
            .collect::<Result<_, _>>()?;
        Ok(Self(ports.try_into().ok().context("not three ports")?))
    }

    fn address(self, script: Script, dice: &mut Dice) -> SocketAddr {
        let [four, six, deaf] = self.0;
        let sides = usize::from(ADDRESSES);
        let address = Ipv4Addr::new(127, 0, 0, u8::try_from(dice.roll(sides)).unwrap_or(0) + 1);
        if script == Script::NeverAccepted {
            (address, deaf).into()
        } else if dice.roll(4) == 0 {
            (Ipv6Addr::LOCALHOST, six).into()
        } else {
            (address, four).into()
        }
    }

    fn words(self) -> [String; 3] {
        self.0.map(|port| port.to_string())
    }
}

/// `SEED KEPT PORT PORT PORT …`: a connection in `KEPT` stays. Obeys `wave COUNT`.
pub(super) fn run(words: &[String]) -> Result<()> {
    let [seed, kept, ports @ ..] = words else {
        anyhow::bail!("no seed, or no frequency");
    };
    let mut dice = Dice(seed.parse()?);
    let one_in: usize = kept.parse()?;
    let servers: Vec<Ports> = ports.chunks(3).map(Ports::read).collect::<Result<_>>()?;
    ensure!(!servers.is_empty(), "no server");
    orders(|order| {
        let count = order.strip_prefix("wave ").context("not a wave")?.parse()?;
        for _ in 0..count {
            let ports = servers[dice.roll(servers.len())];
            let passing = dice.roll(one_in) > 0;
            let script = if passing {
                Script::ALL[dice.roll(Script::PASSING)]
            } else {
                let rest = Script::ALL.len() - Script::PASSING;
                Script::ALL[Script::PASSING + dice.roll(rest)]
            };
            play(script, ports, &mut dice).with_context(|| format!("{script:?}"))?;
        }
        let quitter = servers[dice.roll(servers.len())];
        quit(quitter)?;
        say(&json!({"did": "wave", "pid": std::process::id(), "connections": count + QUIT}));
        Ok(())
    })
}

fn play(script: Script, ports: Ports, dice: &mut Dice) -> Result<()> {
    let address = ports.address(script, dice);
    let mut end = TcpStream::connect(address)?;
    let local = end.local_addr()?;
    let addresses = (local, address);
    // The server takes the first byte only. Data and FIN that come together are read together.
    end.write_all(&[script.byte(), 0][..script.request()])?;
    match script {
        Script::ClientCloses
        | Script::Duplicated
        | Script::KeepUnread
        | Script::KeepRead
        | Script::KeepDuplicated
        | Script::KeepInherited => {}
        // The server will never know it.
        Script::NeverAccepted => kept(script, 0, &[], (address, local)),
        Script::ClientResets | Script::KeepDead => reset(end)?,
        Script::ServerCloses | Script::ServerResets => to_end(end),
        Script::Unread => {
            // It may be gone already.
            drop(end.write_all(&[0; 2000]));
            to_end(end);
        }
        Script::Drained => {
            end.shutdown(Shutdown::Write)?;
            to_end(end);
        }
        Script::KeepBoth | Script::ClientKeepsUnread => keep(script, vec![end], addresses),
        Script::ClientPools => {
            end.read_exact(&mut [0; 10])?;
            keep(script, vec![end], addresses);
        }
        Script::KeepHalf => {
            end.shutdown(Shutdown::Write)?;
            keep(script, vec![end], addresses);
        }
    }
    Ok(())
}

/// To the end, whichever it is.
fn to_end(mut end: TcpStream) {
    let mut some = [0; 4096];
    while end.read(&mut some).is_ok_and(|bytes| bytes > 0) {}
}

/// Starts a process that ends without closing its connections.
fn quit(ports: Ports) -> Result<()> {
    let status = actor("quitter")?.args(ports.words()).status()?;
    ensure!(status.success(), "a quitter ended with {status}");
    Ok(())
}

pub(super) fn quit_with_open_sockets(words: &[String]) -> Result<()> {
    let [four, ..] = Ports::read(words)?.0;
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), four);
    for _ in 0..QUIT {
        let mut end = TcpStream::connect(address)?;
        end.write_all(&[Script::ClientCloses.byte()])?;
        leave_open(vec![end]);
    }
    Ok(())
}
