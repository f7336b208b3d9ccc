//! A server that forgets what it is told to forget, and closes it when it is told to.
//!
//! The first byte of a connection says how it is to be forgotten.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{orders, raise_limit, say};

/// Accepted, and not looked at any more.
pub(crate) const UNREAD: u8 = b'u';
/// Read to the end, and kept.
pub(crate) const READ: u8 = b'r';

/// By the peer.
type Kept = Arc<Mutex<BTreeMap<SocketAddr, TcpStream>>>;

/// `heal PEER` closes the connection from there, `fill` takes every descriptor that is left, `empty` gives them back.
pub(super) fn leak() -> Result<()> {
    raise_limit()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let deaf = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ports = [listener.local_addr()?.port(), deaf.local_addr()?.port()];
    say("listening", json!({"ports": ports, "fd": deaf.as_raw_fd()}))?;
    let kept = Kept::default();
    thread::spawn({
        let kept = Arc::clone(&kept);
        move || {
            while let Ok((end, _)) = listener.accept() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || drop(forget(end, &kept)));
            }
        }
    });
    let mut fill = Vec::new();
    orders(|order| match order.split_once(' ') {
        Some(("heal", peer)) => {
            let end = lock(&kept).remove(&peer.parse()?);
            drop(end.context("nothing is kept of it")?);
            say("healed", json!({}))
        }
        None if order == "fill" => {
            while let Ok(null) = std::fs::File::open("/dev/null") {
                fill.push(null);
            }
            // What is needed to go on.
            fill.truncate(fill.len().saturating_sub(16));
            say("filled", json!({"connections": fill.len()}))
        }
        None if order == "empty" => {
            fill.clear();
            say("emptied", json!({}))
        }
        _ => bail!("a leaker does not {order}"),
    })
}

fn forget(mut end: TcpStream, kept: &Kept) -> Result<()> {
    let mut manner = [0];
    end.read_exact(&mut manner)?;
    match manner[0] {
        UNREAD => {}
        READ => while end.read(&mut [0; 64])? > 0 {},
        other => bail!("no manner {other}"),
    }
    let (local, peer) = (end.local_addr()?, end.peer_addr()?);
    let fd = end.as_raw_fd();
    lock(kept).insert(peer, end);
    say("kept", json!({"fds": [fd], "local": local, "peer": peer}))
}

fn lock(kept: &Kept) -> std::sync::MutexGuard<'_, BTreeMap<SocketAddr, TcpStream>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
