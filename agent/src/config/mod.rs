//! What the user wants: a TOML file, overridden by flags, checked as a whole before anything starts.

mod change;
mod error;
mod exception;
mod export;
mod field;
mod file;
mod history;
mod incident;
mod listen;
mod otlp;
mod pins;
mod remedy;
mod value;
mod wrong;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::export::http::Endpoint;
use crate::filter::Filter;
use crate::kernel;
use crate::remedy::policy::Policy;
use finback_core::model::finding::Verdict;
use finback_core::model::state::TcpState;
use finback_core::settings::Settings;
use finback_core::settings::exception::Exception;
use finback_core::settings::incident::IncidentSettings;
use finback_core::settings::verdict::{Level, VerdictSettings};

pub use crate::value::duration;
pub use change::Change;
pub use error::Error;
pub use export::{
    DEFAULT_DOCS, Journal, JournalWords, Webhook, WebhookFlags, WebhookFormat, WebhookWords,
};
pub use file::File;
pub use history::{DEFAULT_HISTORY, History, HistoryArg, HistoryWords};
pub use listen::MetricsListen;
pub use otlp::{Otlp, OtlpWords, collector};
pub use pins::{DEFAULT_PINS, PinsArg};
pub use value::{Attach, DEFAULT_SOCKET, RingBytes, StateSet, bytes, max_sockets, states};

/// Read if it exists and no other is named.
pub const DEFAULT_FILE: &str = "/etc/finback/finback.toml";

/// Shown by default.
pub const DEFAULT_STATES: StateSet = StateSet::of(&[
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::TimeWait,
    TcpState::Closed,
]);

/// Connections that the stream follows at most; each costs some 250 bytes while it does.
pub const DEFAULT_MAX_SOCKETS: u32 = 128 << 10;

/// Openers remembered while nobody subscribes: 96 bytes of kernel memory each, allocated at start.
pub const DEFAULT_OPENERS: u32 = kernel::Options::OPENER_PLACES;

/// Longer than keep-alive and heartbeats usually are apart.
pub const DEFAULT_PEER_QUIET: Duration = Duration::from_mins(10);

/// Between two looks at all connections: one takes 27 ms for 50,000 sockets.
pub const DEFAULT_SCAN_INTERVAL: Duration = Duration::from_secs(15);

/// What flags say; a flag that was not given leaves the file's word.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--attach`.
    pub attach: Option<Attach>,
    /// `--states`.
    pub states: Option<StateSet>,
    /// `--ring-bytes`.
    pub ring_bytes: Option<RingBytes>,
    /// `--max-sockets`.
    pub max_sockets: Option<u32>,
    /// `--socket`.
    pub socket: Option<PathBuf>,
    /// `--host-root`.
    pub host_root: Option<PathBuf>,
    /// `--no-segment`.
    pub no_segment: bool,
    /// `--stacks`.
    pub stacks: bool,
    /// `--history`.
    pub history: Option<HistoryArg>,
    /// `--metrics-listen`.
    pub metrics_listen: Option<MetricsListen>,
    /// `--webhook` and what belongs to it.
    pub webhook: WebhookFlags,
    /// `--otlp`.
    pub otlp: Option<Endpoint>,
    /// `--pins`.
    pub pins: Option<PinsArg>,
}

/// Where a configuration comes from: to be read now, and again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file; without one the default is read if it exists.
    pub path: Option<PathBuf>,
    /// What counts more.
    pub flags: Flags,
}

impl Source {
    /// Reads it.
    pub fn load(&self) -> Result<Config, Error> {
        Config::load(self.path.as_deref(), self.flags.clone())
    }
}

/// A complete, checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which flavours may be attached.
    pub attach: Attach,
    /// Transitions to these states are shown.
    pub states: StateSet,
    /// Size of the ring buffer.
    pub ring_bytes: RingBytes,
    /// Sockets tracked at most.
    pub max_sockets: u32,
    /// Openers that are remembered, a power of two.
    pub openers: u32,
    /// How often all connections are looked at; zero for never.
    pub scan_interval: Duration,
    /// A peer that has ended its side counts as being there so long after its kernel last answered.
    pub peer_quiet: Duration,
    /// Where the daemon listens.
    pub socket: PathBuf,
    /// Where metrics are served over TCP, too.
    pub metrics_listen: MetricsListen,
    /// Where the host's file system is mounted.
    pub host_root: PathBuf,
    /// Of what `finback run` and `finback events` write, only what this selects.
    pub filter: Option<Filter>,
    /// Whether to look at segments (FIN and RST on the wire).
    pub segment: bool,
    /// Whether to take user stacks.
    pub stacks: bool,
    /// What outlives the daemon, and where.
    pub pins: PinsArg,
    /// What is kept on disk; nothing if that is off.
    pub history: Option<History>,
    /// Where the documents can be read, a URL.
    pub docs: String,
    /// Whether and what the journal is told.
    pub journal: Option<Journal>,
    /// Who is told by HTTP.
    pub webhook: Option<Webhook>,
    /// The collector that is told, if any.
    pub otlp: Option<Otlp>,
    /// Thresholds that differ from the defaults.
    pub thresholds: BTreeMap<Verdict, Duration>,
    /// When incidents are warnings, and how often they are told.
    pub incidents: IncidentSettings,
    /// What differs for particular processes, control groups or ports.
    pub exceptions: Vec<Exception>,
    /// Severities that differ from the defaults.
    pub severities: BTreeMap<Verdict, Level>,
    /// What is done about incidents.
    pub remedies: Vec<Policy>,
}

impl Config {
    /// Joins a file's words (or [`File::default`]) and the flags.
    pub fn new(file: File, flags: Flags) -> Self {
        let segment = if flags.no_segment {
            Some(false)
        } else {
            file.segment
        };
        Self {
            attach: flags.attach.or(file.attach).unwrap_or_default(),
            states: flags.states.or(file.states).unwrap_or(DEFAULT_STATES),
            ring_bytes: flags.ring_bytes.or(file.ring_bytes).unwrap_or_default(),
            max_sockets: flags
                .max_sockets
                .or(file.max_sockets)
                .unwrap_or(DEFAULT_MAX_SOCKETS),
            openers: file.openers.unwrap_or(DEFAULT_OPENERS),
            scan_interval: file.scan_interval.unwrap_or(DEFAULT_SCAN_INTERVAL),
            peer_quiet: file.peer_quiet.unwrap_or(DEFAULT_PEER_QUIET),
            socket: flags
                .socket
                .or(file.socket)
                .unwrap_or_else(|| DEFAULT_SOCKET.into()),
            metrics_listen: flags
                .metrics_listen
                .or(file.metrics_listen)
                .unwrap_or_default(),
            host_root: flags
                .host_root
                .or(file.host_root)
                .unwrap_or_else(|| "/".into()),
            filter: file.filter,
            segment: segment.unwrap_or(true),
            stacks: flags.stacks || file.stacks.unwrap_or(false),
            pins: flags.pins.or(file.pins).unwrap_or_default(),
            history: file.history.join(flags.history),
            docs: file.docs.unwrap_or_else(|| DEFAULT_DOCS.to_owned()),
            journal: file.journal.join(),
            webhook: file.webhook.join(flags.webhook),
            otlp: file.otlp.join(flags.otlp),
            thresholds: file.thresholds,
            incidents: file.incidents,
            exceptions: file.exceptions,
            severities: file.severities,
            remedies: file.remedies,
        }
    }

    /// Where the daemon pins.
    pub fn pin_place(&self) -> kernel::pin::Place {
        self.pins.place(&self.socket)
    }

    /// What the engine is told of it.
    pub fn settings(&self) -> Settings {
        let verdicts = Verdict::ALL.iter().map(|verdict| {
            let default = VerdictSettings::default_of(*verdict);
            let after = self.thresholds.get(verdict).copied();
            let level = self.severities.get(verdict).copied();
            let own = VerdictSettings {
                after: after.unwrap_or(default.after),
                level: level.unwrap_or(default.level),
            };
            (*verdict, own)
        });
        Settings {
            verdicts: verdicts.collect(),
            incidents: self.incidents,
            exceptions: self.exceptions.clone(),
            scan_interval: self.scan_interval,
            peer_quiet: self.peer_quiet,
            max_connections: usize::try_from(self.max_sockets).unwrap_or(usize::MAX),
            ..Settings::default()
        }
    }

    /// Reads the named file, or the default one if it exists, and joins it with the flags.
    pub fn load(path: Option<&Path>, flags: Flags) -> Result<Self, Error> {
        Self::load_or(path, Path::new(DEFAULT_FILE), flags)
    }

    fn load_or(path: Option<&Path>, default: &Path, flags: Flags) -> Result<Self, Error> {
        let file = match path {
            Some(path) => File::read(path),
            None => match File::read(default) {
                Err(Error::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
                    Ok(File::default())
                }
                read => read,
            },
        };
        Ok(Self::new(file?, flags))
    }
}

#[cfg(test)]
mod tests;
