//! The configuration file. Read key by key instead of through serde: an error then names the key, its line and
//! what is accepted there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::error::Error;
use super::exception::exceptions;
use super::export::{self, JournalWords, WebhookWords};
use super::field::{
    absolute, filter, level, openers, per_verdict, ring, sockets, states, switch, threshold, time,
    word,
};
use super::history::{self, HistoryWords};
use super::incident;
use super::listen::MetricsListen;
use super::otlp::{self, OtlpWords};
use super::pins::PinsArg;
use super::remedy::remedies;
use super::value::{Attach, DEFAULT_SOCKET, RingBytes, StateSet};
use super::wrong::{Key, Value, Wrong};
use crate::filter::Filter;
use crate::remedy::policy::Policy;
use finback_core::model::finding::Verdict;
use finback_core::settings::exception::Exception;
use finback_core::settings::incident::IncidentSettings;
use finback_core::settings::verdict::Level;

/// What a file says; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// `attach`.
    pub attach: Option<Attach>,
    /// `states`.
    pub states: Option<StateSet>,
    /// `ring_bytes`.
    pub ring_bytes: Option<RingBytes>,
    /// `max_sockets`.
    pub max_sockets: Option<u32>,
    /// `openers`.
    pub openers: Option<u32>,
    /// `scan_interval`.
    pub scan_interval: Option<Duration>,
    /// `peer_quiet`.
    pub peer_quiet: Option<Duration>,
    /// `socket`.
    pub socket: Option<PathBuf>,
    /// `metrics_listen`.
    pub metrics_listen: Option<MetricsListen>,
    /// `host_root`.
    pub host_root: Option<PathBuf>,
    /// `filter`.
    pub filter: Option<Filter>,
    /// `segment`.
    pub segment: Option<bool>,
    /// `stacks`.
    pub stacks: Option<bool>,
    /// `pins`.
    pub pins: Option<PinsArg>,
    /// `[history]`.
    pub history: HistoryWords,
    /// `docs`.
    pub docs: Option<String>,
    /// `[journal]`.
    pub journal: JournalWords,
    /// `[webhook]`.
    pub webhook: WebhookWords,
    /// `[otlp]`.
    pub otlp: OtlpWords,
    /// `[thresholds]`.
    pub thresholds: BTreeMap<Verdict, Duration>,
    /// `[incidents]`.
    pub incidents: IncidentSettings,
    /// `[[override]]`.
    pub exceptions: Vec<Exception>,
    /// `[severities]`.
    pub severities: BTreeMap<Verdict, Level>,
    /// `[[remedy]]`.
    pub remedies: Vec<Policy>,
}

const KEYS: &[&str] = &[
    "attach",
    "docs",
    "filter",
    "host_root",
    "history",
    "incidents",
    "journal",
    "max_sockets",
    "metrics_listen",
    "openers",
    "otlp",
    "override",
    "peer_quiet",
    "pins",
    "remedy",
    "ring_bytes",
    "scan_interval",
    "segment",
    "severities",
    "socket",
    "stacks",
    "states",
    "thresholds",
    "webhook",
];

impl File {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a file; the path is for errors only.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let locate = |wrong: Wrong| wrong.locate(path, text);
        let table = DeTable::parse(text).map_err(|error| locate(Wrong::syntax(&error)))?;
        let mut file = Self::default();
        for (key, value) in table.get_ref() {
            file.set(key, value).map_err(locate)?;
        }
        Ok(file)
    }

    fn set(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<(), Wrong> {
        match &**key.get_ref() {
            "attach" => self.attach = Some(word(key, value)?),
            "docs" => self.docs = Some(export::docs(key, value)?),
            "filter" => self.filter = filter(key, value)?,
            "host_root" => self.host_root = Some(absolute(key, value, "/host")?),
            "history" => self.history = history::words(key, value)?,
            "incidents" => incident::all(key, value, &mut self.incidents)?,
            "journal" => self.journal = export::journal(key, value)?,
            "max_sockets" => self.max_sockets = Some(sockets(key, value)?),
            "metrics_listen" => self.metrics_listen = Some(word(key, value)?),
            "openers" => self.openers = Some(openers(key, value)?),
            "otlp" => self.otlp = otlp::words(key, value)?,
            "override" => self.exceptions = exceptions(key, value)?,
            "ring_bytes" => self.ring_bytes = Some(ring(key, value)?),
            "peer_quiet" => self.peer_quiet = Some(time(key, value)?),
            "pins" => self.pins = Some(word(key, value)?),
            "remedy" => self.remedies = remedies(key, value)?,
            "scan_interval" => self.scan_interval = Some(time(key, value)?),
            "segment" => self.segment = Some(switch(key, value)?),
            "socket" => self.socket = Some(absolute(key, value, DEFAULT_SOCKET)?),
            "stacks" => self.stacks = Some(switch(key, value)?),
            "states" => self.states = Some(states(key, value)?),
            "severities" => self.severities = per_verdict(key, value, level)?,
            "thresholds" => self.thresholds = per_verdict(key, value, threshold)?,
            "webhook" => self.webhook = export::webhook(key, value)?,
            _ => return Err(Wrong::unknown(key, "key", KEYS.iter().copied())),
        }
        Ok(())
    }
}
