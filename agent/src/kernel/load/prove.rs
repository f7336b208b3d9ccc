//! Makes every signal happen on loopback connections of the agent's own: a hook that attached may still never
//! fire, because the compiler inlined its function.
//!
//! Nothing stays behind: every connection ends by RST or by the reuse of its TIME_WAIT entry, and all of it
//! happens before the first record is passed on.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_linger, set_socket_reuseaddr, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

/// A packet filter can swallow loopback traffic: nothing may wait longer.
const PATIENCE: Duration = Duration::from_millis(250);

/// Makes every signal happen once. The error tells what the host did not let happen.
pub(super) fn make_traffic() -> io::Result<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    half_close(any)?;
    reset(any)?;
    time_wait(any)?;
    // Hosts without IPv6 are common; the hooks for it are extra.
    let any6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    drop(half_close(any6));
    Ok(())
}

/// connect, accept, data, FIN, a read to its end, a write after it, shutdown, and a RST in FIN_WAIT2.
fn half_close(any: SocketAddr) -> io::Result<()> {
    let listener = listen(any)?;
    let (mut client, mut server) = pair(&listener)?;
    client.write_all(b"?")?;
    server.read_exact(&mut [0])?;
    client.shutdown(Shutdown::Write)?;
    expect_end(&mut server)?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let spliced = splice(&server, None, &writer, None, 1, SpliceFlags::NONBLOCK)?;
    drop((reader, writer));
    if spliced != 0 {
        return Err(unexpected("data after the end of the stream"));
    }
    // The acknowledgement that comes with it takes the client to FIN_WAIT2.
    server.write_all(b"!")?;
    client.read_exact(&mut [0])?;
    abort(server)
}

/// RST on an established connection.
fn reset(any: SocketAddr) -> io::Result<()> {
    let listener = listen(any)?;
    let (client, mut server) = pair(&listener)?;
    abort(client)?;
    match server.read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(unexpected("no reset")),
    }
}

/// Entry into TIME_WAIT at the listener's side, and its end at once: a new SYN from the same port takes the place
/// of the old connection (RFC 9293 §3.6.1, `tcp_timewait_state_process`).
fn time_wait(any: SocketAddr) -> io::Result<()> {
    let listener = listen(any)?;
    let target = listener.local_addr()?;
    let client = connect_from(any, target)?;
    let from = rustix::net::getsockname(&client)?;
    let from = SocketAddr::try_from(from)?;
    let (server, _) = listener.accept()?;
    server.shutdown(Shutdown::Write)?;
    let mut client = TcpStream::from(client);
    expect_end(&mut client)?;
    drop(client);
    drop(server);
    let again = retry(|| connect_from(from, target))?;
    let (server, _) = listener.accept()?;
    abort(TcpStream::from(again))?;
    abort(server)
}

/// Whether the host has as many minisocks as it may: then no other is made, and hooks on them stay silent.
pub(super) fn minisocks_are_used_up() -> bool {
    let number = |path: &str, name: Option<&str>| {
        let text = std::fs::read_to_string(path).ok()?;
        let mut words = text.split_ascii_whitespace();
        if let Some(name) = name {
            words.find(|word| *word == name)?;
        }
        words.next()?.parse::<u64>().ok()
    };
    let most = number("/proc/sys/net/ipv4/tcp_max_tw_buckets", None);
    let now = number("/proc/thread-self/net/sockstat", Some("tw"));
    most.is_some() && now >= most
}

fn listen(any: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(any)?;
    // Bounds accept too (`inet_csk_accept`).
    set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE))?;
    Ok(listener)
}

fn pair(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect_timeout(&listener.local_addr()?, PATIENCE)?;
    let (server, _) = listener.accept()?;
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
    }
    Ok((client, server))
}

fn connect_from(from: SocketAddr, target: SocketAddr) -> io::Result<OwnedFd> {
    let family = if from.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    bind(&socket, &from)?;
    connect(&socket, &target)?;
    Ok(socket)
}

/// The old connection's last acknowledgement may be on its way on another CPU: its address is free a moment later.
fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..20 {
        match attempt() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse
                ) =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
    attempt()
}

fn expect_end(stream: &mut TcpStream) -> io::Result<()> {
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(unexpected("data where the end of the stream was due")),
    }
}

/// Closes with a RST, so that no TIME_WAIT stays.
fn abort(stream: TcpStream) -> io::Result<()> {
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

fn unexpected(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn every_part_ends_well_and_quickly() {
        let start = Instant::now();
        make_traffic().unwrap();
        println!("{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn a_time_wait_entry_is_reused_at_once() {
        for _ in 0..20 {
            time_wait(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        }
    }
}
