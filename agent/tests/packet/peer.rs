//! The scripted peer: says exactly what it is told to, when it is told to, and answers nothing by itself.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::codec::{ACK, SYN, Segment, length, mss_option};
use crate::link::{HOST, Link, PEER};
use crate::setting::setting;

/// The initial sequence number of the peer: its numbers wrap around in every test.
const INITIAL: u32 = u32::MAX - 20;

/// One end of one connection (names of the variables as in RFC 9293 §3.3.1).
#[derive(Debug)]
pub(crate) struct Peer<'a> {
    link: &'a Link,
    own: SocketAddrV4,
    host: SocketAddrV4,
    /// SND.NXT: what follows everything sent so far.
    pub(crate) next: u32,
    /// RCV.NXT: what it has received and is ready to acknowledge.
    pub(crate) received: u32,
    /// RCV.WND, not scaled.
    pub(crate) window: u16,
}

impl<'a> Peer<'a> {
    /// Opens a connection to the kernel.
    pub(crate) fn connect(link: &'a Link, own: u16, host: u16) -> Result<Self> {
        let mut peer = Self::at(link, own, host);
        peer.send_segment(INITIAL, SYN, mss_option(), &[])?;
        peer.next = INITIAL.wrapping_add(1);
        let answer = peer.expect("SYN-ACK", |segment| {
            segment.is(SYN | ACK) && segment.ack == INITIAL.wrapping_add(1)
        })?;
        peer.received = answer.end();
        peer.send(ACK, &[])?;
        Ok(peer)
    }

    /// Takes the connection that the kernel is opening.
    pub(crate) fn accept(link: &'a Link, own: u16) -> Result<Self> {
        let mut peer = Self::at(link, own, 0);
        let call = peer.expect("SYN", |segment| {
            segment.is(SYN) && segment.destination.port() == own
        })?;
        peer.host.set_port(call.source.port());
        peer.received = call.end();
        peer.send_segment(INITIAL, SYN | ACK, mss_option(), &[])?;
        peer.next = INITIAL.wrapping_add(1);
        peer.expect("ACK of the SYN-ACK", |segment| {
            segment.is(ACK) && segment.ack == INITIAL.wrapping_add(1)
        })?;
        Ok(peer)
    }

    fn at(link: &'a Link, own: u16, host: u16) -> Self {
        Self {
            link,
            own: SocketAddrV4::new(PEER, own),
            host: SocketAddrV4::new(HOST, host),
            next: INITIAL,
            received: 0,
            window: u16::MAX,
        }
    }

    /// The kernel's port.
    pub(crate) fn host_port(&self) -> u16 {
        self.host.port()
    }

    /// Sends what comes next.
    pub(crate) fn send(&mut self, flags: u8, payload: &[u8]) -> Result<()> {
        self.send_at(self.next, flags, payload)?;
        self.next = self.next.wrapping_add(length(flags, payload));
        Ok(())
    }

    /// Sends something at any sequence number: a repetition, something from the future, a forgery.
    pub(crate) fn send_at(&self, seq: u32, flags: u8, payload: &[u8]) -> Result<()> {
        self.send_segment(seq, flags, Vec::new(), payload)
    }

    fn send_segment(&self, seq: u32, flags: u8, options: Vec<u8>, payload: &[u8]) -> Result<()> {
        self.link.send(&Segment {
            source: self.own,
            destination: self.host,
            seq,
            ack: if flags & ACK == 0 { 0 } else { self.received },
            flags,
            window: self.window,
            options,
            payload: payload.to_vec(),
        })
    }

    /// Acknowledges everything up to and with this segment.
    pub(crate) fn acknowledge(&mut self, segment: &Segment) -> Result<()> {
        self.received = segment.end();
        self.send(ACK, &[])
    }

    /// Waits for a segment of this connection; others that come before it are passed over.
    pub(crate) fn expect(&self, what: &str, wanted: impl Fn(&Segment) -> bool) -> Result<Segment> {
        let patience = setting().patience();
        match self.within(patience, wanted)? {
            Some(segment) => Ok(segment),
            None => bail!(
                "the kernel sent no {what} within {patience:?}; on the wire:\n{}",
                self.link.trace()
            ),
        }
    }

    /// Waits until the kernel has acknowledged all that was sent, the FIN too. Gives the window that it offers.
    pub(crate) fn expect_all_acknowledged(&self) -> Result<u16> {
        let acknowledgement = self.expect("ACK of everything", |segment| {
            segment.has(ACK) && segment.ack == self.next
        })?;
        Ok(acknowledgement.window)
    }

    /// The first such segment, if one comes within this time.
    pub(crate) fn within(
        &self,
        time: Duration,
        wanted: impl Fn(&Segment) -> bool,
    ) -> Result<Option<Segment>> {
        let deadline = Instant::now() + time;
        while let Some(segment) = self.link.receive(deadline)? {
            let ours = segment.destination == self.own
                && (self.host.port() == 0 || segment.source == self.host);
            if ours && wanted(&segment) {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    /// Fails if such a segment comes within this time.
    pub(crate) fn expect_none(
        &self,
        time: Duration,
        what: &str,
        unwanted: impl Fn(&Segment) -> bool,
    ) -> Result<()> {
        match self.within(time, unwanted)? {
            None => Ok(()),
            Some(segment) => bail!("{what}: {segment:?}; on the wire:\n{}", self.link.trace()),
        }
    }
}
