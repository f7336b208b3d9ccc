//! The peer has half-closed on purpose: no finding while the application answers.

use std::io::Read as _;
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::daemon::NOT_CLOSED;
use crate::program::{Did, Program, wait_at_most};
use crate::setting::setting;
use crate::watch::{Ends, Watch};

/// The server sends on for longer than every threshold, then closes.
pub(crate) fn draining(watch: Watch<'_>) -> Result<()> {
    let mut server = Program::start("server.py", ["drains"])?;
    let listening = server.did("listening")?;
    let client = Client::connect(&listening)?;
    let conn = server.did("accepted")?;
    server.did("eof")?;
    thread::sleep(3 * NOT_CLOSED);
    let ends = Ends::new(conn.port, conn.peer_port);
    let flagged = watch.select(|event| ends.is_of(event) && event.finding.is_some());
    ensure!(
        flagged.is_empty(),
        "flagged while it was sending: {}",
        crate::daemon::lines(&flagged)
    );
    server.tell("finish")?;
    let sent = server.did("sent")?.bytes;
    ensure!(
        client.finish()? == sent,
        "the client did not get the {sent} bytes that the server sent"
    );
    watch.transition(ends, "closed")?;
    server.end()?;
    watch.finish()
}

/// `nc -N` if it is there: it half-closes at the end of its input. Otherwise the test does the same itself.
enum Client {
    Netcat(Child),
    Own(TcpStream),
}

impl Client {
    fn connect(listening: &Did) -> Result<Self> {
        let port = listening.port.to_string();
        let netcat = Command::new("nc.openbsd")
            .args(["-N", "127.0.0.1", &port])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        if let Ok(netcat) = netcat {
            return Ok(Self::Netcat(netcat));
        }
        println!(
            "note: no nc (package netcat-openbsd): the test half-closes by shutdown(SHUT_WR) itself"
        );
        let stream = TcpStream::connect(("127.0.0.1", listening.port))?;
        stream.shutdown(Shutdown::Write)?;
        Ok(Self::Own(stream))
    }

    /// Reads to the end; gives the number of bytes.
    fn finish(self) -> Result<u64> {
        let mut bytes = Vec::new();
        match self {
            Self::Netcat(mut netcat) => {
                let mut output = netcat.stdout.take().context("no output")?;
                output.read_to_end(&mut bytes)?;
                let status = wait_at_most(&mut netcat, setting().patience())?;
                ensure!(status.success(), "nc ended with {status}");
            }
            Self::Own(mut stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                stream.read_to_end(&mut bytes)?;
            }
        }
        Ok(bytes.len().try_into()?)
    }
}
