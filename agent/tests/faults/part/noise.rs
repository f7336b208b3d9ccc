//! Processes and network namespaces that appear and end, each with connections of its own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::thread::UnshareFlags;
use serde_json::json;

use super::{PART, number, say};

/// `SECONDS AT_ONCE`: never more than so many at the same time, each of which holds a connection that it has been given
/// and ends with it.
pub(super) fn processes(arguments: &[String]) -> Result<()> {
    let (seconds, at_once): (u64, usize) = (number(arguments, 0)?, number(arguments, 1)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut made = 0_usize;
    while Instant::now() < end {
        let mut children = Vec::new();
        for _ in 0..at_once {
            // Its standard input: `inetd` does so. The program ends at once, whatever comes.
            let given = TcpStream::connect(address)?;
            let (taken, _) = listener.accept()?;
            let mut command = Command::new("/bin/true");
            command
                .env_remove(PART)
                .stdin(Stdio::from(std::os::fd::OwnedFd::from(given)))
                .stdout(Stdio::null());
            children.push((command.spawn().context("cannot start a process")?, taken));
        }
        for (mut child, mut taken) in children {
            child.wait()?;
            // Closed by its end.
            let _end = taken.read(&mut [0])?;
            made += 1;
        }
    }
    say("done", json!({"connections": made}))
}

/// `SECONDS`: one after the other, by two threads, each with a connection over its own loopback device.
pub(super) fn namespaces(arguments: &[String]) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(number(arguments, 0)?);
    let makers = [(), ()].map(|()| {
        thread::spawn(move || {
            let mut made = 0_usize;
            while Instant::now() < end {
                // A thread of its own has a namespace of its own.
                let one = thread::spawn(inhabited).join();
                one.map_err(|_panic| anyhow!("a panic"))??;
                made += 1;
            }
            Ok::<usize, anyhow::Error>(made)
        })
    });
    let mut made = 0;
    for maker in makers {
        made += maker.join().map_err(|_panic| anyhow!("a panic"))??;
    }
    say("done", json!({"connections": made}))
}

fn inhabited() -> Result<()> {
    #[expect(
        deprecated,
        reason = "it is unsafe for descriptors only, which are not parted here"
    )]
    rustix::thread::unshare(UnshareFlags::NEWNET).context("no network namespace")?;
    up()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.write_all(b"hello")?;
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all)?;
    Ok(())
}

/// Turns the loopback device on: `RTM_NEWLINK` for the first device, `IFF_UP` in its flags and in what changes.
fn up() -> Result<()> {
    const LENGTH: u8 = 32;
    const NEW_LINK: u8 = 16;
    const REQUEST: u8 = 1;
    const FIRST: u8 = 1;
    const UP: u8 = 1;
    let mut message = [0; LENGTH as usize];
    for (at, byte) in [
        (0, LENGTH),
        (4, NEW_LINK),
        (6, REQUEST),
        (20, FIRST),
        (24, UP),
        (28, UP),
    ] {
        message[at] = byte;
    }
    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.send_to(&message, &SocketAddr::new(0, 0), 0)?;
    Ok(())
}
