//! The kernel's long timers, waited for in virtual time: the agent must hold still for hours and be right then.

use std::io::Read as _;
use std::net::Shutdown;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt::set_socket_keepalive;

use crate::case::Accepted;
use crate::case::fin::Served;
use crate::case::silence::expect_if_known;
use crate::codec::{ACK, FIN, PSH, Segment};
use crate::daemon::lines;
use crate::link::Link;
use crate::proof::Leak;
use crate::watch::{Ends, Watch};
use crate::wire::{Action, Event};

/// TIME_WAIT, and FIN_WAIT2 of an orphan (`TCP_TIMEWAIT_LEN`, `tcp_fin_timeout`). The kernel's timers are late by
/// up to an eighth of their length (`kernel/time/timer.c`), and without hooks the agent looks every 5 s.
const MINUTE: Range<u64> = 59..74;
/// Longer than every timer that could end what has none.
const LONG: Duration = Duration::from_mins(15);

/// Data that nobody acknowledges: `tcp_retries2` repetitions (15, RFC 1122 §4.2.3.5), then `ETIMEDOUT`.
pub(crate) fn retransmission(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    std::io::Write::write_all(&mut accepted.end, b"hello?")?;
    let opened = expect_if_known(&mut watch, accepted.ends, "dead_peer")?;
    gives_up(&watch, accepted, 900..1_100)?;
    if let Some(opened) = opened {
        watch.expect_end(&opened, &["closed_by_app"])?;
    }
    watch.finish()
}

/// Nothing to say for two hours, then nine probes, 75 s apart, without an answer (RFC 9293 §3.8.4).
pub(crate) fn keep_alive(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let accepted = Accepted::new(&link)?;
    set_socket_keepalive(&accepted.end, true)?;
    let is_probe = |segment: &Segment| {
        segment.is(ACK) && segment.seq == accepted.peer.received.wrapping_sub(1)
    };
    for _ in 0..9 {
        accepted.peer.expect("keep-alive probe", is_probe)?;
    }
    let opened = expect_if_known(&mut watch, accepted.ends, "dead_peer")?;
    gives_up(&watch, accepted, 7_870..8_900)?;
    if let Some(opened) = opened {
        watch.expect_end(&opened, &["closed_by_app"])?;
    }
    watch.finish()
}

/// The kernel ends it after so many seconds, and tells the application, which closes it then.
fn gives_up(watch: &Watch<'_>, mut accepted: Accepted<'_>, after: Range<u64>) -> Result<()> {
    let closed = watch.transition(accepted.ends, "closed")?;
    check_after(&closed, "established", "timeout", after)?;
    let error = accepted.end.read(&mut [0; 1]).map_err(|error| error.kind());
    ensure!(
        error == Err(std::io::ErrorKind::TimedOut),
        "the application is told {error:?}"
    );
    watch.check_once(accepted.ends, "closed")
}

/// The application has closed, the peer never does.
pub(crate) fn orphan(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let ends = closed_here(&link)?;
    let closed = watch.transition(ends, "closed")?;
    check_after(&closed, "fin_wait_2", "timeout", MINUTE)?;
    watch.check_no_finding(ends)?;
    watch.finish()
}

/// The same where the administrator allows two minutes: one as a full socket, one as a minisock.
pub(crate) fn long_orphan(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    link.set("tcp_fin_timeout", "120")?;
    let ends = closed_here(&link)?;
    let closed = watch.transition(ends, "closed")?;
    check_after(&closed, "fin_wait_2", "timeout", 119..142)?;
    watch.check_once(ends, "fin_wait_2")?;
    watch.check_no_finding(ends)?;
    watch.finish()
}

/// Closed at this end, acknowledged by the peer.
fn closed_here(link: &Link) -> Result<Ends> {
    let Accepted {
        end,
        mut peer,
        ends,
    } = Accepted::new(link)?;
    drop(end);
    let fin = peer.expect("FIN", |segment| segment.has(FIN))?;
    peer.acknowledge(&fin)?;
    Ok(ends)
}

/// Closed in order, from here.
pub(crate) fn time_wait(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let Accepted {
        end,
        mut peer,
        ends,
    } = Accepted::new(&link)?;
    drop(end);
    let fin = peer.expect("FIN", |segment| segment.has(FIN))?;
    peer.received = fin.end();
    peer.send(FIN | ACK, &[])?;
    let closed = watch.transition(ends, "closed")?;
    check_after(&closed, "time_wait", "timeout", MINUTE)?;
    watch.check_once(ends, "time_wait")?;
    watch.check_no_finding(ends)?;
    watch.finish()
}

/// The application has only shut down its sending side: no timer runs, after a quarter of an hour data still arrive.
pub(crate) fn held(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut accepted = Accepted::new(&link)?;
    accepted.end.shutdown(Shutdown::Write)?;
    let fin = accepted.peer.expect("FIN", |segment| segment.has(FIN))?;
    accepted.peer.acknowledge(&fin)?;
    watch.transition(accepted.ends, "fin_wait_2")?;
    std::thread::sleep(LONG);
    expect_if_known(&mut watch, accepted.ends, "peer_not_closing")?;
    watch.check_never(accepted.ends, "closed")?;
    accepted.peer.send(PSH | ACK, b"at last")?;
    accepted.peer.expect_all_acknowledged()?;
    accepted.peer.send(FIN | ACK, &[])?;
    let mut text = String::new();
    accepted.end.read_to_string(&mut text)?;
    ensure!(text == "at last", "read {text:?}");
    let ended = watch.transition(accepted.ends, "time_wait")?;
    check_after(&ended, "fin_wait_2", "fin_received", 900..930)?;
    watch.finish()
}

/// Nothing is said for a long time and nobody has asked for keep-alive: nothing is wrong that anybody could know.
pub(crate) fn idle(watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let accepted = Accepted::new(&link)?;
    watch.transition(accepted.ends, "established")?;
    accepted
        .peer
        .expect_none(LONG, "the kernel speaks by itself", |_| true)?;
    watch.check_never(accepted.ends, "closed")?;
    watch.check_no_finding(accepted.ends)?;
    watch.finish()
}

/// A forgotten connection is one finding, opened when its time has come, however long it lasts.
pub(crate) fn leak(mut watch: Watch<'_>) -> Result<()> {
    let link = Link::new()?;
    let mut served = Served::new(&link, "never_reads")?;
    served.peer.send(FIN | ACK, &[])?;
    served.peer.expect_all_acknowledged()?;
    let opened = watch.expect(served.ends, &Leak::of_server(&watch, &served.conn))?;
    std::thread::sleep(LONG);
    let again = watch
        .told(served.ends)
        .into_iter()
        .filter(|event| {
            let action = event.finding.as_ref().map(|finding| finding.action);
            action.is_some_and(|action| action != Action::Updated)
        })
        .count();
    ensure!(again == 1, "opened or resolved {again} times");
    served.close_and_finish(watch, &opened)
}

/// The state it leaves, why, and how many seconds it was in it.
fn check_after(event: &Event, from: &str, cause: &str, seconds: Range<u64>) -> Result<()> {
    let change = event.transition.as_ref().context("not a transition")?;
    let after = Duration::from_nanos(change.after_ns.context("no after_ns")?);
    ensure!(
        change.from == from && change.cause == cause && seconds.contains(&after.as_secs()),
        "after {after:?}, expected {seconds:?} s in {from} and {cause}: {}",
        lines([event])
    );
    Ok(())
}
