//! IPv4 and TCP as bytes: as little as a scripted peer needs (RFC 791 §3.1, RFC 9293 §3.1).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result, ensure};

/// No more data from the sender.
pub(crate) const FIN: u8 = 0x01;
/// Synchronise.
pub(crate) const SYN: u8 = 0x02;
/// Reset.
pub(crate) const RST: u8 = 0x04;
/// Push.
pub(crate) const PSH: u8 = 0x08;
/// The acknowledgement number is valid.
pub(crate) const ACK: u8 = 0x10;
/// What a test compares.
pub(crate) const FLAGS: u8 = FIN | SYN | RST | ACK;

/// Maximum segment size (RFC 9293 §3.7.1) that the peer offers.
pub(crate) const MSS: usize = 1460;

const IP_HEADER: usize = 20;
const TCP_HEADER: usize = 20;
const TCP: u8 = 6;
const TTL: u8 = 64;

/// One TCP segment with its addresses.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) source: SocketAddrV4,
    pub(crate) destination: SocketAddrV4,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// Padded to a multiple of four bytes.
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// Whether exactly these of SYN, FIN, RST and ACK are set.
    pub(crate) fn is(&self, flags: u8) -> bool {
        self.flags & FLAGS == flags
    }

    /// Whether all of these are set.
    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// The sequence number after it: SYN and FIN count as one byte each.
    pub(crate) fn end(&self) -> u32 {
        self.seq.wrapping_add(length(self.flags, &self.payload))
    }

    /// The IPv4 packet, with both checksums.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let tcp = self.tcp();
        let total = u16::try_from(IP_HEADER + tcp.len()).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, TTL, TCP, 0, 0]);
        packet.extend(self.source.ip().octets());
        packet.extend(self.destination.ip().octets());
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(tcp);
        packet
    }

    fn tcp(&self) -> Vec<u8> {
        let words = u8::try_from((TCP_HEADER + self.options.len()) / 4).unwrap_or(u8::MAX);
        let mut tcp = Vec::with_capacity(TCP_HEADER + self.options.len() + self.payload.len());
        tcp.extend(self.source.port().to_be_bytes());
        tcp.extend(self.destination.port().to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        tcp.extend([words << 4, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&self.options);
        tcp.extend(&self.payload);
        let sum = tcp_checksum(*self.source.ip(), *self.destination.ip(), &tcp);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        tcp
    }

    /// Reads a packet; `None` for what is not TCP over IPv4.
    ///
    /// # Errors
    /// It is, and a length or a checksum in it is wrong.
    pub(crate) fn decode(packet: &[u8]) -> Result<Option<Self>> {
        if packet.first().is_none_or(|first| first >> 4 != 4) || packet.get(9) != Some(&TCP) {
            return Ok(None);
        }
        let header = usize::from(packet[0] & 0x0f) * 4;
        let total = usize::from(u16_at(packet, 2)?);
        let ip = packet.get(..header).context("IP header cut off")?;
        ensure!(checksum(ip) == 0, "wrong IP checksum");
        let address = |at: usize| -> Result<Ipv4Addr> { Ok(u32_at(packet, at)?.into()) };
        let (source, destination) = (address(12)?, address(16)?);
        let tcp = packet.get(header..total).context("packet cut off")?;
        ensure!(
            tcp_checksum(source, destination, tcp) == 0,
            "wrong TCP checksum"
        );
        let offset = usize::from(*tcp.get(12).context("TCP header cut off")? >> 4) * 4;
        let options = tcp.get(TCP_HEADER..offset).context("options cut off")?;
        Ok(Some(Self {
            source: SocketAddrV4::new(source, u16_at(tcp, 0)?),
            destination: SocketAddrV4::new(destination, u16_at(tcp, 2)?),
            seq: u32_at(tcp, 4)?,
            ack: u32_at(tcp, 8)?,
            flags: tcp[13],
            window: u16_at(tcp, 14)?,
            options: options.to_vec(),
            payload: tcp[offset..].to_vec(),
        }))
    }
}

/// As tcpdump would say it.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, ".")];
        let flags: String = names
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .map(|(_, name)| *name)
            .collect();
        let (source, destination, seq, ack) = (self.source, self.destination, self.seq, self.ack);
        let (window, length) = (self.window, self.payload.len());
        write!(
            f,
            "{source} > {destination} [{flags}] seq {seq} ack {ack} win {window} length {length}"
        )
    }
}

/// What a segment takes of the sequence space.
pub(crate) fn length(flags: u8, payload: &[u8]) -> u32 {
    let data = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    data + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0)
}

/// The option that offers [`MSS`].
pub(crate) fn mss_option() -> Vec<u8> {
    let [high, low] = u16::try_from(MSS).unwrap_or(u16::MAX).to_be_bytes();
    vec![2, 4, high, low]
}

/// RFC 1071. Over data that holds its own right checksum it is 0.
pub(crate) fn checksum(data: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in data.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// With the pseudo header of RFC 9293 §3.1.
fn tcp_checksum(source: Ipv4Addr, destination: Ipv4Addr, tcp: &[u8]) -> u16 {
    let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let mut data = Vec::with_capacity(12 + tcp.len());
    data.extend(source.octets());
    data.extend(destination.octets());
    data.extend([0, TCP]);
    data.extend(length.to_be_bytes());
    data.extend(tcp);
    checksum(&data)
}

fn u16_at(data: &[u8], at: usize) -> Result<u16> {
    let bytes = data.get(at..at + 2).context("cut off")?;
    Ok(u16::from_be_bytes(bytes.try_into()?))
}

fn u32_at(data: &[u8], at: usize) -> Result<u32> {
    let bytes = data.get(at..at + 4).context("cut off")?;
    Ok(u32::from_be_bytes(bytes.try_into()?))
}
