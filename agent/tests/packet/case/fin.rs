//! The peer's FIN in unusual company.

use anyhow::{Context as _, Result, ensure};
use rustix::system::uname;

use crate::codec::{ACK, FIN, MSS, PSH, RST};
use crate::daemon::{EOF_NOT_REQUESTED, EOF_UNREAD, NOT_CLOSED};
use crate::link::Link;
use crate::peer::Peer;
use crate::program::{Did, Program};
use crate::proof::Leak;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding, Role};

/// The peer's port.
const PORT: u16 = 50_001;

/// A server program with the scripted peer connected to it.
#[derive(Debug)]
pub(super) struct Served<'a> {
    pub(super) server: Program,
    pub(super) conn: Did,
    pub(super) peer: Peer<'a>,
    pub(super) ends: Ends,
}

impl<'a> Served<'a> {
    pub(super) fn new(link: &'a Link, manner: &str) -> Result<Self> {
        let server = link.server(manner)?;
        let listening = server.did("listening")?;
        let peer = Peer::connect(link, PORT, listening.port)?;
        let conn = server.did("accepted")?;
        let ends = link.ends(listening.port, PORT)?;
        Ok(Self {
            server,
            conn,
            peer,
            ends,
        })
    }

    /// The server closes, its FIN is acknowledged, the finding is over, and all of it was told once.
    pub(super) fn close_and_finish(
        mut self,
        watch: Watch<'_>,
        opened: &(Event, Finding),
    ) -> Result<()> {
        self.server.tell("close")?;
        self.server.did("closed")?;
        watch.expect_end(opened, &["closed_by_app"])?;
        // Data that was never read makes it a reset.
        let last = self
            .peer
            .expect("FIN or RST", |segment| segment.flags & (FIN | RST) != 0)?;
        if last.has(FIN) {
            self.peer.acknowledge(&last)?;
        }
        watch.transition(self.ends, "closed")?;
        watch.check_once(self.ends, "close_wait")?;
        self.server.end()?;
        watch.finish()
    }
}

/// One segment brings the last data and the FIN; the application takes exactly the data and never asks again.
pub(crate) fn with_data(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "reads_exactly")?;
    served.peer.send(FIN | PSH | ACK, b"all that there is")?;
    let took = served.server.did("took")?;
    ensure!(
        took.bytes == 17 && took.of == 17,
        "the server took {} of {} bytes",
        took.bytes,
        took.of
    );
    served.peer.expect_all_acknowledged()?;
    let leak = Leak::of_server(&watch, &served.conn);
    let leak = leak.after_reading(&watch, &["eof_not_requested"], EOF_NOT_REQUESTED);
    let opened = watch.expect(served.ends, &leak)?;
    ensure!(
        number(&opened.1, "unread_bytes")? == 0,
        "evidence {:?}",
        opened.1.evidence
    );
    served.close_and_finish(watch, &opened)
}

/// The FIN comes first, what belongs before it later.
pub(crate) fn behind_a_hole(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "never_reads")?;
    served.peer.send(PSH | ACK, b"first")?;
    served.peer.expect_all_acknowledged()?;
    let hole = served.peer.next;
    served
        .peer
        .send_at(hole.wrapping_add(10), FIN | PSH | ACK, b"last")?;
    served.peer.expect("duplicate ACK", |segment| {
        segment.is(ACK) && segment.ack == hole
    })?;
    watch.transition(served.ends, "established")?;
    watch.expect_no_finding(served.ends, 2 * EOF_UNREAD)?;
    watch.check_never(served.ends, "close_wait")?;

    let filled = jiff::Timestamp::now();
    served.peer.send(PSH | ACK, b"the middle")?;
    served.peer.next = served.peer.next.wrapping_add(5);
    served.peer.expect_all_acknowledged()?;
    let opened = watch.expect(served.ends, &Leak::of_server(&watch, &served.conn))?;
    ensure!(
        number(&opened.1, "unread_bytes")? == 20,
        "19 bytes and the FIN wait: {:?}",
        opened.1.evidence
    );
    if watch.daemon().flavour("segment").is_some() {
        let taken = watch.transition(served.ends, "close_wait")?;
        let came = taken.transition.and_then(|change| change.segment_refused);
        let came: jiff::Timestamp = came
            .context("the transition does not say that the FIN had come before")?
            .parse()?;
        ensure!(
            came < filled,
            "the FIN came at {came}, the rest at {filled}"
        );
    }
    served.close_and_finish(watch, &opened)
}

/// The application never reads, the window has closed, the FIN comes all the same. Up to 6.1 the kernel drops it;
/// from 6.12 on it takes one that brings no data (`tcp_data_queue`). The acknowledgement says what it did.
pub(crate) fn at_zero_window(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "never_reads")?;
    let sent = fill(&mut served.peer)?;
    served.peer.send(FIN | ACK, &[])?;
    let next = served.peer.next;
    let answer = served.peer.expect("answer to the FIN", |segment| {
        segment.has(ACK) && segment.window == 0
    })?;
    let taken = answer.ack == next;
    if let Some(expected) = takes_fin_at_zero_window()? {
        ensure!(taken == expected, "FIN taken: {taken}, {answer:?}");
    }
    if taken {
        let opened = watch.expect(served.ends, &Leak::of_server(&watch, &served.conn))?;
        ensure!(
            number(&opened.1, "unread_bytes")? == sent + 1,
            "{sent} bytes and the FIN wait: {:?}",
            opened.1.evidence
        );
        return served.close_and_finish(watch, &opened);
    }
    watch.expect_no_finding(served.ends, 3 * NOT_CLOSED)?;
    watch.check_never(served.ends, "close_wait")?;
    served.server.tell("close")?;
    watch.expect_steps(
        served.ends,
        &[("established", "handshake"), ("closed", "app_close")],
    )?;
    watch.finish()
}

/// Sends until the kernel takes no more. Gives the number of bytes.
fn fill(peer: &mut Peer<'_>) -> Result<u64> {
    let block = [b'x'; MSS];
    let mut sent = 0;
    peer.send(PSH | ACK, b"x")?;
    sent += 1;
    let mut window = usize::from(peer.expect_all_acknowledged()?);
    while window > 0 {
        let mut left = window;
        while left > 0 {
            let length = left.min(MSS);
            peer.send(PSH | ACK, &block[..length])?;
            left -= length;
            sent += u64::try_from(length)?;
        }
        window = usize::from(peer.expect_all_acknowledged()?);
    }
    Ok(sent)
}

/// What this kernel is known to do; `None` between the versions that were examined.
fn takes_fin_at_zero_window() -> Result<Option<bool>> {
    let name = uname();
    let release = name.release().to_str()?;
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    let mut number = || {
        numbers
            .next()
            .context("no kernel version")?
            .context("kernel version")
    };
    let version = (number()?, number()?);
    Ok(if version <= (6, 1) {
        Some(false)
    } else if version >= (6, 12) {
        Some(true)
    } else {
        None
    })
}

/// The peer says again and again that it has finished.
pub(crate) fn repeated(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "never_reads")?;
    let seq = served.peer.next;
    served.peer.send(FIN | ACK, &[])?;
    served.peer.expect_all_acknowledged()?;
    let opened = watch.expect(served.ends, &Leak::of_server(&watch, &served.conn))?;
    for _ in 0..3 {
        // The kernel limits its answers to such repetitions (tcp_invalid_ratelimit, 500 ms).
        std::thread::sleep(std::time::Duration::from_millis(550));
        served.peer.send_at(seq, FIN | ACK, &[])?;
        served.peer.expect_all_acknowledged()?;
    }
    let findings = watch
        .told(served.ends)
        .iter()
        .filter(|event| {
            event
                .finding
                .as_ref()
                .is_some_and(|found| found.id != opened.1.id)
        })
        .count();
    ensure!(findings == 0, "{findings} more events about findings");
    served.close_and_finish(watch, &opened)
}

/// The kernel's end has called; the peer answers, says something, and hangs up in the same segment.
pub(crate) fn to_a_client(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let client = link.client("reads_eof", PORT)?;
    let mut peer = Peer::accept(&link, PORT)?;
    let conn = client.did("connected")?;
    peer.send(FIN | PSH | ACK, b"goodbye")?;
    peer.expect_all_acknowledged()?;
    client.did("eof")?;
    let ends = link.ends(peer.host_port(), PORT)?;
    let leak = Leak {
        role: Role::Client,
        attributions: &["connect"],
        ..Leak::of_server(&watch, &conn)
    };
    let leak = leak.after_reading(&watch, &["not_closed"], NOT_CLOSED);
    let opened = watch.expect(ends, &leak)?;
    let served = Served {
        server: client,
        conn,
        peer,
        ends,
    };
    served.close_and_finish(watch, &opened)
}

fn number(finding: &Finding, name: &str) -> Result<u64> {
    let value = finding
        .evidence
        .get(name)
        .and_then(serde_json::Value::as_u64);
    value.with_context(|| format!("no {name} in {:?}", finding.evidence))
}
