//! The daemon that runs.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Limited};
use hyper::Response;
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use super::error::Error;
use super::wanted::{Wanted, is_wanted};
use crate::client;
use crate::output::json::Document;
use crate::survey::Take;

/// A document is no longer than that; the daemon bounds what it keeps.
pub(super) const LONGEST: usize = 256 << 20;
/// Of a refusal so much is shown.
const REASON: usize = 4 << 10;

/// One that answered.
#[derive(Debug)]
pub struct Daemon {
    pub(super) socket: PathBuf,
    pub(super) runtime: Runtime,
}

impl Daemon {
    /// The one that listens there, if there is one.
    pub(super) fn find(socket: &Path) -> Result<Option<Self>, Error> {
        match UnixStream::connect(socket) {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(client::Error::Connect(error).into()),
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Some(Self {
            socket: socket.to_owned(),
            runtime: runtime.map_err(Error::Runtime)?,
        }))
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it costs; `None` if it does not say.
    pub(super) fn cost(&self) -> Option<String> {
        let text = self.runtime.block_on(async {
            let response = client::get(&self.socket, "/v1/status").await.ok()?;
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            Some(body.ok()?.to_bytes())
        })?;
        let status: Status = serde_json::from_slice(&text).ok()?;
        Some(status.cost())
    }

    pub(super) fn each(&self, wanted: Wanted, take: &mut Take<'_>) -> Result<(), Error> {
        let path = match wanted {
            Wanted::Sockets => "/v1/connections",
            Wanted::Findings => "/v1/findings",
            Wanted::Incidents => "/v1/incidents",
        };
        self.runtime.block_on(async {
            let response = client::get(&self.socket, path).await?;
            if !response.status().is_success() {
                return Err(refused(path, response).await);
            }
            match wanted {
                Wanted::Sockets => lines(response.into_body(), take).await,
                Wanted::Findings | Wanted::Incidents => {
                    document(response.into_body(), wanted, take).await
                }
            }
        })
    }
}

/// What of `/v1/status` is shown.
#[derive(Deserialize)]
struct Status {
    pid: u32,
    uptime_ns: u64,
    #[serde(default)]
    counters: std::collections::BTreeMap<String, u64>,
}

impl Status {
    fn cost(&self) -> String {
        let lost: u64 = self.counters.values().sum();
        let cpu = spent(self.pid).map(|spent| {
            let whole = std::time::Duration::from_nanos(self.uptime_ns).as_secs_f64();
            format!("{:.2} % CPU", 100.0 * spent.as_secs_f64() / whole.max(1e-9))
        });
        let memory = resident(self.pid).map(|bytes| format!("{} MiB", bytes >> 20));
        let lost = (lost > 0).then(|| format!("{lost} records lost"));
        let parts: Vec<String> = [cpu, memory, lost].into_iter().flatten().collect();
        format!("daemon: {}", parts.join(", "))
    }
}

/// Processor time of a process since its start.
fn spent(pid: u32) -> Option<std::time::Duration> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok()?;
    // The kernel counts them in hundredths of a second for `/proc`.
    Some(std::time::Duration::from_millis(
        (stat.utime + stat.stime) * 10,
    ))
}

/// Resident memory of a process, bytes.
fn resident(pid: u32) -> Option<u64> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let pages = process.statm().ok()?.resident;
    Some(pages * rustix::param::page_size() as u64)
}

async fn refused(path: &'static str, response: Response<Incoming>) -> Error {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), REASON).collect().await;
    let text = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let text = String::from_utf8_lossy(&text);
    let text = text.trim();
    let reason = if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    };
    Error::Refused {
        path,
        status,
        reason,
    }
}

async fn document(body: Incoming, wanted: Wanted, take: &mut Take<'_>) -> Result<(), Error> {
    let body = Limited::new(body, LONGEST).collect().await;
    let text = body.map_err(|error| Error::Output(io::Error::other(error)))?;
    let text = text.to_bytes();
    let document: Document<'_> = serde_json::from_slice(&text).map_err(Error::Answer)?;
    let mut events = document.events.iter();
    events
        .by_ref()
        .filter(|event| is_wanted(event, wanted))
        .try_for_each(take)
        .map_err(Error::Output)
}

async fn lines(mut body: Incoming, take: &mut Take<'_>) -> Result<(), Error> {
    let mut pending = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(client::Error::from)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        pending.extend_from_slice(data);
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        for line in pending[..end].split(|byte| *byte == b'\n') {
            let event = serde_json::from_slice(line).map_err(Error::Answer)?;
            take(&event).map_err(Error::Output)?;
        }
        pending.advance(end + 1);
    }
    Ok(())
}
