//! The codec itself: if it were wrong, nothing that the other tests see could be trusted.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::codec::{ACK, PSH, Segment, checksum};

/// What Linux 6.18 put on a TUN device: four bytes of data, 10.77.0.1:12345 > 10.77.0.2:54321, with a timestamp.
const CAPTURED: &str = "45000038d61e4000400650050a4d00010a4d00023039d431cdb2fe88000003e98018fe88975400000101080af9ee1aff\
    000003e970696e67";

/// A test without a daemon.
pub(crate) fn trial(name: &'static str, test: fn() -> Result<()>) -> Trial {
    Trial::test(name, move || {
        test().map_err(|error| format!("{error:#}").into())
    })
}

/// The example of RFC 1071 §3.
pub(crate) fn checksum_of_rfc_1071() -> Result<()> {
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    ensure!(checksum(&data) == !0xddf2, "{:#x}", checksum(&data));
    ensure!(
        checksum(&data[..7]) == !0xdcfb,
        "{:#x}",
        checksum(&data[..7])
    );
    Ok(())
}

/// Reads what a kernel has made, and makes the same from it, but for the identification of the packet.
pub(crate) fn captured_packet() -> Result<()> {
    let packet = bytes(CAPTURED)?;
    let Some(segment) = Segment::decode(&packet)? else {
        anyhow::bail!("not taken for TCP");
    };
    ensure!(segment.is(ACK) && segment.has(PSH), "{segment:?}");
    ensure!(segment.payload == b"ping", "{segment:?}");
    let own = segment.encode();
    ensure!(own[20..] == packet[20..], "made {own:02x?}");
    ensure!(
        own[..4] == packet[..4] && own[12..20] == packet[12..20],
        "made {own:02x?}"
    );
    ensure!(
        Segment::decode(&own)? == Some(segment),
        "not the same again"
    );
    Ok(())
}

/// Every byte counts: whichever is wrong, the packet is refused or not TCP over IPv4 any more.
pub(crate) fn damaged_packet() -> Result<()> {
    let packet = bytes(CAPTURED)?;
    for at in 0..packet.len() {
        let mut damaged = packet.clone();
        damaged[at] ^= 0x55;
        ensure!(
            !matches!(Segment::decode(&damaged), Ok(Some(_))),
            "byte {at} may be anything"
        );
    }
    Ok(())
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}
