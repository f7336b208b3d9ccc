//! The other ends of the programs' connections: the test's own sockets, and what it does with them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::mem::size_of;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process_group};

use super::setting::setting;

/// Longer than any program takes to answer on a busy machine.
fn patience() -> Duration {
    2 * setting().patience()
}

/// What the test does with its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Sends this.
    Say(&'static str),
    /// Reads once: something must come.
    Hear,
    /// Reads to the end of the stream.
    HearAll,
    /// Reads whatever comes, so many milliseconds long.
    HearFor(u64),
    /// Does nothing for so many milliseconds.
    Pause(u64),
    /// Sends so many bytes.
    Burst(usize),
    /// Sends a line every 100 ms, so many times.
    Tick(u32),
    /// Sends without end, for so many milliseconds; the other side may not read.
    Flood(u64),
    /// `shutdown(SHUT_WR)`.
    Half,
    /// Closes.
    Close,
    /// Closes with RST.
    Reset,
    /// From here on nothing that arrives is even looked at: to the other side, this machine is gone.
    Deaf,
    /// Stops the program as a debugger does.
    Freeze,
    /// Lets it go on.
    Thaw,
}

/// Takes the steps; gives the socket unless it was closed.
pub(crate) fn take(steps: &[Step], stream: TcpStream, program: u32) -> Result<Option<TcpStream>> {
    stream.set_read_timeout(Some(patience()))?;
    stream.set_nodelay(true)?;
    let mut stream = Some(stream);
    for step in steps {
        let end = stream.take().context("a step after the last")?;
        stream = one(*step, end, program).with_context(|| format!("{step:?}"))?;
    }
    Ok(stream)
}

fn one(step: Step, mut end: TcpStream, program: u32) -> Result<Option<TcpStream>> {
    match step {
        Step::Say(text) => end.write_all(text.as_bytes())?,
        Step::Hear => {
            let read = end.read(&mut [0; 8192])?;
            ensure!(read > 0, "the program has ended the connection");
        }
        Step::HearAll => drop(end.read_to_end(&mut Vec::new())?),
        Step::HearFor(millis) => hear_for(&mut end, Duration::from_millis(millis))?,
        Step::Pause(millis) => thread::sleep(Duration::from_millis(millis)),
        Step::Burst(bytes) => end.write_all(&vec![b'x'; bytes])?,
        Step::Tick(times) => {
            for _ in 0..times {
                end.write_all(b"tick\n")?;
                thread::sleep(Duration::from_millis(100));
            }
        }
        Step::Flood(millis) => flood(&mut end, Duration::from_millis(millis))?,
        Step::Half => end.shutdown(Shutdown::Write)?,
        Step::Close => return Ok(None),
        Step::Reset => {
            set_socket_linger(&end, Some(Duration::ZERO))?;
            return Ok(None);
        }
        Step::Deaf => deafen(&end)?,
        Step::Freeze => signal(program, Signal::STOP)?,
        Step::Thaw => signal(program, Signal::CONT)?,
    }
    Ok(Some(end))
}

fn signal(program: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(program.try_into()?).context("no process")?;
    Ok(kill_process_group(pid, signal)?)
}

fn hear_for(end: &mut TcpStream, time: Duration) -> Result<()> {
    let deadline = Instant::now() + time;
    end.set_read_timeout(Some(Duration::from_millis(50)))?;
    while Instant::now() < deadline {
        match end.read(&mut [0; 8192]) {
            Ok(0) => bail!("the program has ended the connection"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(end.set_read_timeout(Some(patience()))?)
}

fn flood(end: &mut TcpStream, time: Duration) -> Result<()> {
    let deadline = Instant::now() + time;
    end.set_write_timeout(Some(Duration::from_millis(100)))?;
    while Instant::now() < deadline {
        match end.write(&[b'x'; 8192]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A socket filter that keeps nothing: TCP drops every segment before it looks at it, acknowledgements too.
fn deafen(end: &TcpStream) -> Result<()> {
    let mut nothing = libc::sock_filter {
        code: 0x06, // BPF_RET | BPF_K
        jt: 0,
        jf: 0,
        k: 0,
    };
    let program = libc::sock_fprog {
        len: 1,
        filter: &raw mut nothing,
    };
    let size = libc::socklen_t::try_from(size_of::<libc::sock_fprog>())?;
    // SAFETY: a valid socket; `program` and the filter it points to live until the call returns, which copies them.
    let done = unsafe {
        libc::setsockopt(
            end.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size,
        )
    };
    ensure!(
        done == 0,
        "SO_ATTACH_FILTER: {}",
        std::io::Error::last_os_error()
    );
    Ok(())
}

/// Accepts one connection, not later than a patient test waits.
pub(crate) fn accept(listener: &TcpListener) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + patience();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error).context("the program did not connect"),
        }
    }
}
