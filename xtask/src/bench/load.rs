//! The load: connections and bytes over loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Loopback addresses in turn: one pair of addresses has 28,000 ports, and each waits in TIME_WAIT.
const ADDRESSES: u32 = 64;
const CHUNK: usize = 64 << 10;

/// Connect, send, receive, close, one after the other; returns connections per second.
pub(super) fn connections(span: Duration) -> Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).context("cannot listen")?;
    let port = listener.local_addr()?.port();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener, &over));
        let started = Instant::now();
        let mut made = 0_u32;
        let result = loop {
            if started.elapsed() >= span {
                break Ok(());
            }
            let host = u32::from(Ipv4Addr::LOCALHOST) + made % ADDRESSES;
            if let Err(error) = exchange(SocketAddrV4::new(Ipv4Addr::from(host), port).into()) {
                break Err(error);
            }
            made += 1;
        };
        let elapsed = started.elapsed();
        over.store(true, Ordering::Relaxed);
        // Lets the server's accept return.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        result?;
        Ok(f64::from(made) / elapsed.as_secs_f64())
    })
}

fn exchange(to: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(to).with_context(|| format!("cannot connect to {to}"))?;
    stream.write_all(&[1; 64])?;
    let mut answer = [0; 64];
    stream.read_exact(&mut answer)?;
    Ok(())
}

fn serve(listener: &TcpListener, over: &AtomicBool) {
    let mut request = [0; 64];
    while let Ok((mut stream, _peer)) = listener.accept() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if stream.read_exact(&mut request).is_ok() && stream.write_all(&request).is_ok() {
            // The client closes first: this side goes through CLOSE_WAIT.
            let _eof = stream.read(&mut request);
        }
    }
}

/// One stream as fast as it goes; returns bytes per second.
pub(super) fn stream(span: Duration) -> Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let to = listener.local_addr()?;
    thread::scope(|scope| {
        let reader = scope.spawn(move || -> Result<u64> {
            let (mut stream, _peer) = listener.accept()?;
            let mut chunk = vec![0; CHUNK];
            let mut total = 0;
            loop {
                match stream.read(&mut chunk)? {
                    0 => return Ok(total),
                    read => total += read as u64,
                }
            }
        });
        let mut stream = TcpStream::connect(to)?;
        let chunk = vec![0; CHUNK];
        let started = Instant::now();
        while started.elapsed() < span {
            stream.write_all(&chunk)?;
        }
        drop(stream);
        let total = reader
            .join()
            .map_err(|_panic| anyhow::anyhow!("the reader panicked"))??;
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
        Ok(total as f64 / started.elapsed().as_secs_f64())
    })
}

/// Opens so many connections and keeps them.
pub(super) fn hold(count: usize) -> Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let to = listener.local_addr()?;
    (0..count)
        .map(|_| {
            let client = TcpStream::connect(to)?;
            let (server, _peer) = listener.accept()?;
            Ok((client, server))
        })
        .collect()
}
