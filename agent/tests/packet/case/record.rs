//! The signal `segment`: FIN and RST that reached the socket and that the stack did not take, as the kernel side
//! records them. Read straight from the ring: the numbers must be those on the wire.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use finback::kernel::load::report::Means;
use finback::kernel::{Attach, Kernel, Options};
use finback_common::hook::{Flavour, Signal};
use finback_core::model::interest::Interest;
use finback_core::model::observation::{Observation, What};
use finback_core::model::state::TcpState;

use crate::case::Accepted;
use crate::codec::{ACK, FIN, PSH, RST};
use crate::link::Link;
use crate::setting::setting;
use crate::trial::skip;

/// Longer than a record takes.
const QUIET: Duration = Duration::from_millis(300);

/// A FIN or RST that was not taken: `fin`, `rst`, SEG.SEQ, RCV.NXT.
type Refused = (bool, bool, u32, u32);

/// One record for each that is refused, none for what is taken or only repeated.
pub(crate) fn refused_segments() -> Result<()> {
    let mut kernel = load()?;
    let means = kernel
        .report()
        .signal(Signal::Segment)
        .map(|row| &row.means);
    if !matches!(means, Some(Means::Hooks { .. })) {
        return skip(format!("segments: {means:?}"));
    }
    kernel.set_interest(everything())?;
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    let peer = &mut accepted.peer;
    peer.send(PSH | ACK, b"first")?;
    peer.expect_all_acknowledged()?;
    let mut seen = Vec::new();
    let sock = established(&mut kernel, &mut seen, accepted.end.local_addr()?)?;

    let next = peer.next;
    let (early, beyond) = (next.wrapping_add(10), next.wrapping_add(100));
    peer.send_at(early, FIN | PSH | ACK, b"last")?;
    expect(&mut kernel, &mut seen, sock, &[(true, false, early, next)])?;
    peer.send_at(beyond, RST, &[])?;
    let both = [(true, false, early, next), (false, true, beyond, next)];
    expect(&mut kernel, &mut seen, sock, &both)?;

    // The hole is filled, the FIN that waited behind it is taken, then repeated, then the peer resets.
    peer.send(PSH | ACK, b"the middle")?;
    peer.next = peer.next.wrapping_add(5);
    peer.expect_all_acknowledged()?;
    peer.send_at(early, FIN | PSH | ACK, b"last")?;
    peer.send(RST, &[])?;
    wait(&mut kernel, &mut seen, "the end", |observation| {
        observation.sock == sock && is_to(observation, TcpState::Closed)
    })?;
    expect(&mut kernel, &mut seen, sock, &both)
}

/// Changes of state and refused segments.
fn everything() -> Interest {
    let mut interest = Interest::in_states([TcpState::Established, TcpState::Closed]);
    interest.segments = true;
    interest
}

fn load() -> Result<Kernel> {
    let forced = Flavour::ALL
        .iter()
        .find(|flavour| flavour.name() == setting().attach);
    let options = Options {
        attach: forced.map_or(Attach::Auto, |flavour| Attach::Forced(*flavour)),
        ..Options::default()
    };
    Ok(Kernel::load(&options)?)
}

/// The connection's name in the records.
fn established(kernel: &mut Kernel, seen: &mut Vec<Observation>, local: SocketAddr) -> Result<u64> {
    let found = wait(kernel, seen, "the connection", |observation| {
        matches!(&observation.what, What::State(change)
            if change.endpoints.local == local && change.to == TcpState::Established)
    })?;
    Ok(found.sock)
}

fn is_to(observation: &Observation, state: TcpState) -> bool {
    matches!(&observation.what, What::State(change) if change.to == state)
}

fn wait(
    kernel: &mut Kernel,
    seen: &mut Vec<Observation>,
    what: &str,
    wanted: impl Fn(&Observation) -> bool,
) -> Result<Observation> {
    let deadline = Instant::now() + setting().patience();
    loop {
        kernel.drain(seen);
        if let Some(found) = seen.iter().find(|observation| wanted(observation)) {
            return Ok(found.clone());
        }
        ensure!(Instant::now() < deadline, "no record of {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for so many records and a little longer for one too many, then compares.
fn expect(
    kernel: &mut Kernel,
    seen: &mut Vec<Observation>,
    sock: u64,
    expected: &[Refused],
) -> Result<()> {
    let last = expected.last().context("nothing expected")?;
    wait(kernel, seen, "the segment", |observation| {
        observation.sock == sock && refused(observation).as_ref() == Some(last)
    })?;
    std::thread::sleep(QUIET);
    kernel.drain(seen);
    let all: Vec<Refused> = seen
        .iter()
        .filter(|observation| observation.sock == sock)
        .filter_map(refused)
        .collect();
    ensure!(all == expected, "recorded {all:?}, expected {expected:?}");
    Ok(())
}

fn refused(observation: &Observation) -> Option<Refused> {
    let What::Segment {
        fin,
        rst,
        seq,
        rcv_nxt,
    } = observation.what
    else {
        return None;
    };
    Some((fin, rst, seq, rcv_nxt))
}
