//! The accepting side.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread;

use anyhow::{Result, bail};
use serde_json::json;

use super::{Script, inherit, keep, kept, orders, say};
use crate::traffic::reset;

/// Serves on an IPv4 and an IPv6 port; a third is never accepted from.
pub(super) fn serve() -> Result<()> {
    let four = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0))?;
    let deaf = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let ports = [&four, &six, &deaf].map(|listener| listener.local_addr().map(|a| a.port()));
    let [four_port, six_port, deaf_port] = ports;
    say(&json!({
        "did": "listening", "pid": std::process::id(), "fd": deaf.as_raw_fd(),
        "ports": [four_port?, six_port?, deaf_port?],
    }));
    for listener in [four, six] {
        thread::spawn(move || {
            while let Ok((end, peer)) = listener.accept() {
                // The client has reset it, or ended: that is part of the play.
                drop(play(end, peer));
            }
        });
    }
    orders(|order| bail!("a server does not {order}"))
}

fn play(mut end: TcpStream, peer: SocketAddr) -> Result<()> {
    let addresses = (end.local_addr()?, peer);
    let mut name = [0];
    end.read_exact(&mut name)?;
    let script = Script::from_byte(name[0])?;
    match script {
        Script::ServerCloses | Script::Unread | Script::ClientKeepsUnread => {}
        Script::ClientPools => end.write_all(b"the answer")?,
        Script::ClientCloses | Script::ClientResets | Script::NeverAccepted => to_end(&mut end)?,
        Script::ServerResets => reset(end)?,
        Script::Drained => {
            to_end(&mut end)?;
            end.write_all(&[7; 4096])?;
        }
        Script::Duplicated => {
            let mut other = end.try_clone()?;
            drop(end);
            to_end(&mut other)?;
        }
        Script::KeepRead => {
            to_end(&mut end)?;
            keep(script, vec![end], addresses);
        }
        Script::KeepDuplicated => {
            let other = end.try_clone()?;
            keep(script, vec![end, other], addresses);
        }
        Script::KeepInherited => {
            kept(script, inherit(&end)?, &[end.as_raw_fd()], addresses);
        }
        Script::KeepBoth | Script::KeepUnread | Script::KeepHalf | Script::KeepDead => {
            keep(script, vec![end], addresses);
        }
    }
    Ok(())
}

fn to_end(end: &mut TcpStream) -> Result<()> {
    let mut some = [0; 512];
    while end.read(&mut some)? > 0 {}
    Ok(())
}
