//! One client thread and one server thread pinned to each processor, which keep it busy together. Threads that are not
//! pinned share a processor in one run and not in the next: that alone moves the rate by half.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Barrier, BarrierWaitResult};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::super::network::Network;
use super::super::stats::number;

const CHUNK: usize = 64 << 10;
/// Of a stream's sockets. Left alone, the kernel finds another size for each connection, and with it another speed.
const BUFFER: usize = 256 << 10;

/// What the pairs did together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Connections, or bytes.
    pub(crate) made: u64,
    /// The same per second.
    pub(crate) rate: f64,
}

/// How long a burst lasts.
#[derive(Clone, Copy, Debug)]
enum Until {
    Time(Duration),
    /// For clocks that count instructions.
    Made(u64),
}

impl Until {
    fn is_over(self, started: Instant, made: u64) -> bool {
        match self {
            Self::Time(span) => started.elapsed() >= span,
            Self::Made(wanted) => made >= wanted,
        }
    }
}

/// Connect, send 64 bytes, receive them, close, one connection after the other on every processor.
///
/// # Errors
/// A connection cannot be made.
pub(crate) fn connections(network: &Network, span: Duration) -> Result<Tally> {
    burst(network, Until::Time(span), exchanges, serve)
}

/// As [`connections`], but so many of them on every processor.
///
/// # Errors
/// A connection cannot be made.
pub(crate) fn connections_exactly(network: &Network, wanted: u64) -> Result<Tally> {
    burst(network, Until::Made(wanted), exchanges, serve)
}

/// One stream on every processor as fast as it goes.
///
/// # Errors
/// The connection cannot be made or breaks.
pub(crate) fn stream(network: &Network, span: Duration) -> Result<Tally> {
    burst(network, Until::Time(span), send, receive)
}

/// A client's work; returns what it has made.
type Client = fn(&Network, u16, Until) -> Result<u64>;
/// A server's work until it is over.
type Server = fn(&TcpListener, &AtomicBool) -> Result<()>;

fn burst(network: &Network, until: Until, client: Client, server: Server) -> Result<Tally> {
    let cpus = processors()?;
    let start = Barrier::new(cpus.len());
    thread::scope(|scope| {
        let clients: Vec<_> = cpus
            .into_iter()
            .map(|cpu| {
                let start = &start;
                scope.spawn(move || pair(network, cpu, start, until, client, server))
            })
            .collect();
        let mut sum = Tally::default();
        for client in clients {
            let one = client
                .join()
                .map_err(|_panic| anyhow!("a client panicked"))??;
            sum.made += one.made;
            sum.rate += one.rate;
        }
        Ok(sum)
    })
}

/// Both ends on one processor. Every pair comes to the barrier, also one that cannot start: else the others would wait
/// for ever.
fn pair(
    network: &Network,
    cpu: usize,
    start: &Barrier,
    until: Until,
    client: Client,
    server: Server,
) -> Result<Tally> {
    let stop = AtomicBool::new(false);
    let over = &stop;
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let listener = listen(network, cpu)?;
            let port = listener.local_addr()?.port();
            tell.send(port).context("no client")?;
            server(&listener, over)
        });
        let placed = pin(cpu).and_then(|()| network.enter_client());
        let port = told.recv().ok();
        let _: BarrierWaitResult = start.wait();
        let Some(port) = port else {
            return Err(joined(serving.join())
                .err()
                .unwrap_or_else(|| anyhow!("no server")));
        };
        let started = Instant::now();
        let made = placed.and_then(|()| client(network, port, until));
        let elapsed = started.elapsed();
        over.store(true, Ordering::Relaxed);
        // Lets a server that still accepts return.
        drop(TcpStream::connect((network.server(0), port)));
        let served = joined(serving.join());
        let made = made?;
        served?;
        Ok(Tally {
            made,
            rate: number(made) / elapsed.as_secs_f64(),
        })
    })
}

fn joined(result: thread::Result<Result<()>>) -> Result<()> {
    result.map_err(|_panic| anyhow!("a server panicked"))?
}

fn listen(network: &Network, cpu: usize) -> Result<TcpListener> {
    pin(cpu)?;
    network.enter_server()?;
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).context("cannot listen")
}

/// The processors that this process may use.
fn processors() -> Result<Vec<usize>> {
    let may = sched_getaffinity(None).context("cannot ask for the processors")?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| may.is_set(*cpu))
        .collect())
}

fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("cannot use processor {cpu}"))
}

fn exchanges(network: &Network, port: u16, until: Until) -> Result<u64> {
    let started = Instant::now();
    let mut made = 0;
    for turn in 0_u32.. {
        if until.is_over(started, made) {
            break;
        }
        let to = SocketAddrV4::new(network.server(turn), port);
        exchange(to).with_context(|| format!("connection {made} to {to}"))?;
        made += 1;
    }
    Ok(made)
}

fn exchange(to: SocketAddrV4) -> Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(&[1; 64])?;
    stream.read_exact(&mut [0; 64])?;
    Ok(())
}

fn serve(listener: &TcpListener, over: &AtomicBool) -> Result<()> {
    let mut request = [0; 64];
    loop {
        let (mut stream, _peer) = listener.accept()?;
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        if stream.read_exact(&mut request).is_ok() && stream.write_all(&request).is_ok() {
            // The client closes first: this side goes through CLOSE_WAIT.
            let _eof = stream.read(&mut request);
        }
    }
}

fn send(network: &Network, port: u16, until: Until) -> Result<u64> {
    let mut stream = TcpStream::connect((network.server(0), port))?;
    set_socket_send_buffer_size(&stream, BUFFER)?;
    let chunk = vec![0; CHUNK];
    let started = Instant::now();
    let mut sent = 0;
    while !until.is_over(started, sent) {
        stream.write_all(&chunk)?;
        sent += CHUNK as u64;
    }
    Ok(sent)
}

fn receive(listener: &TcpListener, _over: &AtomicBool) -> Result<()> {
    let (mut stream, _peer) = listener.accept()?;
    set_socket_recv_buffer_size(&stream, BUFFER)?;
    let mut chunk = vec![0; CHUNK];
    while stream.read(&mut chunk)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::network::Kind;
    use super::*;

    #[test]
    fn every_processor_makes_the_connections_asked_for() {
        let network = Network::open(Kind::Lo).unwrap();
        let made = connections_exactly(&network, 5).unwrap().made;
        assert_eq!(made, 5 * processors().unwrap().len() as u64);
    }

    #[test]
    fn a_stream_moves_bytes() {
        let network = Network::open(Kind::Lo).unwrap();
        let tally = stream(&network, Duration::from_millis(20)).unwrap();
        assert!(tally.made >= CHUNK as u64 && tally.rate > 0.0);
    }
}
