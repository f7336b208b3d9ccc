//! What `docs/limitations.md` says of other ways to speak TCP: MPTCP, kTLS, Fast Open, shared ports.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

use super::limit::Case;
use super::silence::{flagged, stays_silent};
use super::verdict::close_and_finish;
use crate::daemon::NEVER_ACCEPTED;
use crate::netns::Netns;
use crate::program::{Did, Program};
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::{Ends, Watch};

/// A listener for MPTCP whose client speaks plain TCP: what it accepts is plain TCP too (Go's servers since 1.24).
pub(crate) fn mptcp_listener(mut watch: Watch<'_>) -> Result<()> {
    need_mptcp()?;
    let Case {
        server,
        client,
        conn,
        ends,
    } = Case::new("mptcp_never_reads")?;
    let protocol = server.did("protocol")?.bytes;
    ensure!(protocol == 6, "protocol {protocol} is not TCP");
    drop(client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    close_and_finish(watch, server, &opened)
}

/// The same, never accepted: no descriptor leads to the queue, which is that of a listener behind the listener.
pub(crate) fn mptcp_never_accepted(mut watch: Watch<'_>) -> Result<()> {
    need_mptcp()?;
    let mut pair = Pair::of("limits.py", "mptcp_never_accepts")?;
    let ends = pair.ends()?;
    drop(pair.client);
    watch.transition(ends, "close_wait")?;
    stays_silent(&mut watch, ends)?;
    close(&mut pair.server)?;
    pair.server.end()?;
    watch.finish()
}

/// MPTCP at both ends: the half-close is not one of TCP's. The subflow is seen, and not flagged.
pub(crate) fn mptcp(mut watch: Watch<'_>) -> Result<()> {
    need_mptcp()?;
    let mut server = Program::start("limits.py", ["mptcp_both"])?;
    let conn = server.did("connected")?;
    server.did("hung up")?;
    let ends = Ends::new(conn.port, conn.peer_port);
    watch.transition(ends, "established")?;
    stays_silent(&mut watch, ends)?;
    let fins = watch.count(|event| ends.is_of(event) && event.to() == Some("close_wait"));
    ensure!(fins == 0, "a FIN of TCP: this was not MPTCP");
    close(&mut server)?;
    server.end()?;
    watch.finish()
}

/// A client by MPTCP of a plain server, which hangs up: the FIN is one of TCP's, on a subflow that nobody holds.
pub(crate) fn mptcp_client(mut watch: Watch<'_>) -> Result<()> {
    need_mptcp()?;
    let mut client = Program::start("limits.py", ["mptcp_client"])?;
    let conn = client.did("hung up")?;
    let ends = Ends::new(conn.port, conn.peer_port);
    watch.transition(ends, "close_wait")?;
    stays_silent(&mut watch, ends)?;
    close(&mut client)?;
    client.end()?;
    watch.finish()
}

fn need_mptcp() -> Result<()> {
    match socket(
        AddressFamily::INET,
        SocketType::STREAM,
        Some(ipproto::MPTCP),
    ) {
        Ok(_) => Ok(()),
        Err(error) => skip(format!("this kernel has no MPTCP: {error}")),
    }
}

/// kTLS, and nobody reads: whatever the queue says, it is only likely.
pub(crate) fn tls_unread(mut watch: Watch<'_>) -> Result<()> {
    need_tls()?;
    let (server, conn, ends) = tls("tls_never_reads")?;
    // Until 6.0 the kernel takes the records out of the queue itself, and the FIN with the last.
    let verdicts = ["eof_unread", "eof_not_requested", "not_closed"];
    let seen = watch.daemon().flavour("eof").is_some();
    let holders = [(conn.pid, conn.fd)];
    let (event, finding) = watch.opened(ends)?;
    ensure!(
        verdicts.contains(&finding.verdict.as_str()),
        "verdict {}",
        finding.verdict
    );
    ensure!(
        finding.verdict != "not_closed" || !seen,
        "nobody was told the end-of-stream"
    );
    ensure!(
        finding.missing.iter().any(|part| part == "upper_layer"),
        "missing {:?}",
        finding.missing
    );
    let named: Vec<_> = finding.holders.iter().map(|h| (h.pid, h.fd)).collect();
    ensure!(named == holders, "holders {named:?}, not {holders:?}");
    close_and_finish(watch, server, &(event, finding))
}

/// kTLS, and the end-of-stream was read: the ends of the receive calls show it, `tcp_cleanup_rbuf` does not.
pub(crate) fn tls_not_closed(mut watch: Watch<'_>) -> Result<()> {
    need_tls()?;
    let (server, conn, ends) = tls("tls_reads_eof")?;
    server.did("eof")?;
    let holders = [(conn.pid, conn.fd)];
    let seen = matches!(watch.daemon().flavour("eof"), Some("fentry" | "tracepoint"));
    let opened = if seen {
        flagged(&mut watch, ends, &["not_closed"], &[], &holders)?
    } else {
        let opened = watch.opened(ends)?;
        let missing = &opened.1.missing;
        ensure!(
            missing.iter().any(|part| part == "upper_layer"),
            "missing {missing:?}"
        );
        opened
    };
    close_and_finish(watch, server, &opened)
}

/// kTLS, closed as it should be.
pub(crate) fn tls_closed(watch: Watch<'_>) -> Result<()> {
    need_tls()?;
    let (server, _, ends) = tls("tls_closes")?;
    server.did("closed")?;
    watch.transition(ends, "closed")?;
    server.end()?;
    watch.finish()
}

fn tls(manner: &str) -> Result<(Program, Did, Ends)> {
    let server = Program::start("limits.py", [manner])?;
    let conn = server.did("connected")?;
    let ends = Ends::new(conn.port, conn.peer_port);
    Ok((server, conn, ends))
}

fn need_tls() -> Result<()> {
    // Where it is built in or not there at all, there is nothing to load.
    drop(Command::new("modprobe").arg("tls").output());
    let there = fs::read_to_string("/proc/sys/net/ipv4/tcp_available_ulp")?;
    if there.split_whitespace().any(|name| name == "tls") {
        return Ok(());
    }
    skip("this kernel has no kTLS (CONFIG_TLS)")
}

/// `tcp_fastopen`: both ends, without cookies (`net/ipv4/tcp_fastopen.c`).
const FAST_OPEN: &str = "519";
/// `MSG_FASTOPEN`.
const WITH_SYN: u32 = 0x2000_0000;

/// Data with the SYN: as any other connection.
pub(crate) fn fast_open(mut watch: Watch<'_>) -> Result<()> {
    let namespace = fast_namespace()?;
    let (server, client) = namespace.inside(|| {
        let server = Program::start("limits.py", ["fast_open"])?;
        let port = server.did("listening")?.port;
        let client = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        let server_address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let flags = SendFlags::from_bits_retain(WITH_SYN);
        sendto(&client, b"question", flags, &server_address)?;
        Ok((server, TcpStream::from(client)))
    })?;
    let conn = server.did("accepted")?;
    ensure!(
        server.did("protocol")?.bytes != 0,
        "no data came with the SYN"
    );
    let ends = Ends::new(conn.port, client.local_addr()?.port()).within(namespace.inode()?);
    drop(client);
    let opened = watch.expect(ends, &Leak::of_server(&watch, &conn))?;
    close_and_finish(watch, server, &opened)
}

/// Data with the SYN, never accepted.
pub(crate) fn fast_open_never_accepted(mut watch: Watch<'_>) -> Result<()> {
    let namespace = fast_namespace()?;
    let server = namespace.inside(|| Program::start("limits.py", ["fast_open_never_accepts"]))?;
    let listening = server.did("listening")?;
    let client = server.did("protocol")?;
    ensure!(client.bytes != 0, "no data went with the SYN");
    let ends = Ends::new(listening.port, client.port).within(namespace.inode()?);
    let leak = Leak {
        verdicts: &["never_accepted"],
        threshold: NEVER_ACCEPTED,
        inode: None,
        attributions: &["listener"],
        ..Leak::of_server(&watch, &listening)
    };
    let opened = watch.expect(ends, &leak)?;
    close_and_finish(watch, server, &opened)
}

fn fast_namespace() -> Result<Netns> {
    let namespace = Netns::new()?;
    namespace.inside(|| {
        fs::write("/proc/sys/net/ipv4/tcp_fastopen", FAST_OPEN).context("no TCP Fast Open")
    })?;
    Ok(namespace)
}

const CLIENTS: usize = 16;

/// Two processes share a port; one never accepts. Each connection is that process's whose queue it went to.
pub(crate) fn shared_port(mut watch: Watch<'_>) -> Result<()> {
    let mut accepts = Pair::of("limits.py", "shares_port")?;
    let port = accepts.listening.port;
    let address = ["shares_port_never_accepts", "127.0.0.1", &port.to_string()];
    let mut forgets = Program::start("limits.py", address)?;
    let listener = forgets.did("listening")?;
    let clients = (0..CLIENTS).map(|_| TcpStream::connect(("127.0.0.1", port)));
    let clients: Vec<_> = clients.collect::<Result<_, _>>()?;
    let locals = clients.iter().map(|client| Ok(client.local_addr()?.port()));
    let mut locals: Vec<u16> = locals.collect::<Result<_>>()?;
    locals.push(accepts.client.local_addr()?.port());
    drop((clients, accepts.client));
    let findings = locals
        .iter()
        .map(|local| watch.opened(Ends::new(port, *local)));
    let findings: Vec<_> = findings.collect::<Result<_>>()?;
    close(&mut forgets)?;
    accepts.server.tell("close")?;
    let accepted = accepts.server.did("closed")?.ports;
    ensure!(
        (1..=CLIENTS).contains(&accepted.len()),
        "one process got all {} connections",
        locals.len()
    );
    for (local, opened) in locals.iter().zip(&findings) {
        let finding = &opened.1;
        let named: Vec<_> = finding.holders.iter().map(|holder| holder.pid).collect();
        let (verdict, pid) = if accepted.contains(local) {
            ("eof_unread", accepts.server.pid())
        } else {
            ("never_accepted", listener.pid)
        };
        ensure!(
            finding.verdict == verdict && named == [pid] && opened.0.pid() == Some(pid),
            "not {verdict} of process {pid}: {finding:?}"
        );
        watch.expect_end(opened, &["closed_by_app"])?;
    }
    forgets.end()?;
    accepts.server.end()?;
    watch.finish()
}

fn close(program: &mut Program) -> Result<()> {
    program.tell("close")?;
    program.did("closed").map(drop)
}
