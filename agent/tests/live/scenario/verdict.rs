//! Each verdict, found in a real program that commits it.

use std::io::Write as _;
use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::{EOF_NOT_REQUESTED, NEVER_ACCEPTED, NOT_CLOSED};
use crate::program::Program;
use crate::proof::{Leak, nanos};
use crate::traffic::Pair;
use crate::watch::{Ends, Watch};
use crate::wire::Role;

/// The server accepts and never reads.
pub(crate) fn eof_unread(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("never_reads", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.write_all(b"nobody reads this")?;
    drop(pair.client);
    let leak = Leak::of_server(&watch, &conn);
    let opened = watch.expect(ends, &leak)?;
    let unread = number(&opened.1.evidence, "unread_bytes")?;
    ensure!(
        unread == 18,
        "17 bytes and the FIN wait to be read, not {unread}"
    );
    close_and_finish(watch, pair.server, &opened)
}

/// The server reads the end-of-stream and never closes.
pub(crate) fn not_closed(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("reads_eof", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.write_all(b"question")?;
    drop(pair.client);
    pair.server.did("eof")?;
    let leak = Leak::of_server(&watch, &conn).after_reading(&watch, &["not_closed"], NOT_CLOSED);
    let opened = watch.expect(ends, &leak)?;
    if watch.daemon().flavour("eof").is_some() {
        let eof = watch.wait_for("eof event", |event| {
            ends.is_of(event) && event.eof.is_some()
        })?;
        let thread = eof.eof.as_ref().map(|eof| eof.thread_id);
        ensure!(
            thread == Some(conn.pid),
            "the end-of-stream was read by thread {thread:?}"
        );
        ensure!(
            eof.pid() == Some(conn.pid),
            "the end-of-stream was read by process {:?}",
            eof.pid()
        );
        ensure!(
            eof.seq < opened.0.seq,
            "the finding came before its end-of-stream"
        );
        let fin = watch.transition(ends, "close_wait")?;
        let after = eof.eof.as_ref().and_then(|eof| eof.after_ns);
        let between = nanos(&eof.time)? - nanos(&fin.time)?;
        ensure!(
            after.map(i128::from) == Some(between),
            "delivered after {after:?} ns, by the times {between}"
        );
    }
    close_and_finish(watch, pair.server, &opened)
}

/// The server's last recv takes data and FIN together.
pub(crate) fn eof_not_requested(mut watch: Watch<'_>) -> Result<()> {
    let mut pair = Pair::new("reads_exactly", "127.0.0.1")?;
    let conn = pair.server.did("accepted")?;
    let ends = pair.ends()?;
    pair.client.write_all(b"all that there is")?;
    drop(pair.client);
    let took = pair.server.did("took")?;
    ensure!(
        took.bytes == 17 && took.of == 17,
        "the server took {} of {} bytes",
        took.bytes,
        took.of
    );
    let leak = Leak::of_server(&watch, &conn);
    let leak = leak.after_reading(&watch, &["eof_not_requested"], EOF_NOT_REQUESTED);
    let opened = watch.expect(ends, &leak)?;
    let unread = number(&opened.1.evidence, "unread_bytes")?;
    ensure!(
        unread == 0,
        "everything was read, the evidence says that {unread} bytes wait"
    );
    close_and_finish(watch, pair.server, &opened)
}

/// The listener never accepts: the client is flagged with the listener's process and descriptor.
pub(crate) fn never_accepted(mut watch: Watch<'_>) -> Result<()> {
    let pair = Pair::new("never_accepts", "127.0.0.1")?;
    let ends = pair.ends()?;
    let leak = Leak {
        verdicts: &["never_accepted"],
        threshold: NEVER_ACCEPTED,
        inode: None,
        attributions: &["listener"],
        ..Leak::of_server(&watch, &pair.listening)
    };
    drop(pair.client);
    let opened = watch.expect(ends, &leak)?;
    let accepted = opened
        .1
        .evidence
        .get("accepted")
        .and_then(serde_json::Value::as_bool);
    ensure!(accepted == Some(false), "evidence.accepted is {accepted:?}");
    close_and_finish(watch, pair.server, &opened)
}

/// A client whose server hangs up, and which never reads.
pub(crate) fn client_unread(watch: Watch<'_>) -> Result<()> {
    client(watch, "never_reads")
}

/// A client whose server hangs up, and which reads that and never closes.
pub(crate) fn client_not_closed(watch: Watch<'_>) -> Result<()> {
    client(watch, "reads_eof")
}

fn client(mut watch: Watch<'_>, manner: &str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let client = Program::start("client.py", [manner, "127.0.0.1", &port.to_string()])?;
    let conn = client.did("connected")?;
    let (accepted, _) = listener.accept()?;
    drop(accepted);
    let leak = Leak {
        role: Role::Client,
        attributions: &["connect"],
        ..Leak::of_server(&watch, &conn)
    };
    let leak = if manner == "reads_eof" {
        leak.after_reading(&watch, &["not_closed"], NOT_CLOSED)
    } else {
        leak
    };
    let opened = watch.expect(Ends::new(conn.port, port), &leak)?;
    close_and_finish(watch, client, &opened)
}

/// The program closes, the finding is over, and nothing else was flagged.
pub(crate) fn close_and_finish(
    watch: Watch<'_>,
    mut program: Program,
    opened: &(crate::wire::Event, crate::wire::Finding),
) -> Result<()> {
    program.tell("close")?;
    program.did("closed")?;
    watch.expect_end(opened, &["closed_by_app"])?;
    program.end()?;
    watch.finish()
}

fn number(evidence: &serde_json::Map<String, serde_json::Value>, name: &str) -> Result<u64> {
    let value = evidence.get(name).and_then(serde_json::Value::as_u64);
    value.with_context(|| format!("no {name} in {evidence:?}"))
}
