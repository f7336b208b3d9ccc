//! Many connections that are only held.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{number, orders, raise_limit, say};

/// Toward one address there are not enough ports for more.
const EACH: usize = 10_000;

/// `COUNT`: accepts so many and keeps them.
pub(super) fn serve(arguments: &[String]) -> Result<()> {
    raise_limit()?;
    let count: usize = number(arguments, 0)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // The library's own backlog is 128: each time it is full a client waits for a second.
    rustix::net::listen(&listener, 4_096)?;
    say("listening", json!({"port": listener.local_addr()?.port()}))?;
    let mut kept = Vec::with_capacity(count);
    for _ in 0..count {
        kept.push(listener.accept()?.0);
    }
    hold(kept)
}

/// `PORT COUNT TURN`: connects so many times, to addresses of its own.
pub(super) fn connect(arguments: &[String]) -> Result<()> {
    raise_limit()?;
    let (port, count): (u16, usize) = (number(arguments, 0)?, number(arguments, 1)?);
    let turn: u8 = number(arguments, 2)?;
    let mut kept = Vec::with_capacity(count);
    for made in 0..count {
        let address = Ipv4Addr::new(127, 1, turn, u8::try_from(1 + made / EACH)?);
        let end = TcpStream::connect((address, port));
        kept.push(end.with_context(|| format!("connection {made} to {address}"))?);
    }
    hold(kept)
}

/// Until it is told otherwise.
fn hold(mut kept: Vec<TcpStream>) -> Result<()> {
    say("held", json!({"connections": kept.len()}))?;
    orders(|order| match order {
        "close" => {
            kept.clear();
            say("closed", json!({}))
        }
        _ => bail!("a holder does not {order}"),
    })
}
