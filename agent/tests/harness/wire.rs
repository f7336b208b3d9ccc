//! A line of the stream as a subscriber understands it: a field that `docs/events.md` promises and that is missing,
//! or of another type, makes the line unreadable, and that fails the test.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

/// A word of a closed list (`words!`). An alias: serde takes a plain reference for one into the line.
pub(crate) type Word = &'static str;

/// The verdict about a process, not about one of its connections.
const OF_A_PROCESS: &str = "time_wait_pressure";

/// Any event.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) schema: u32,
    pub(crate) seq: u64,
    pub(crate) time: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) socket: Option<Socket>,
    #[serde(default)]
    pub(crate) network: Option<Network>,
    #[serde(default)]
    pub(crate) process: Option<Process>,
    #[serde(default)]
    pub(crate) peer_process: Option<Process>,
    #[serde(default)]
    pub(crate) cgroup: Option<String>,
    #[serde(default)]
    pub(crate) systemd_unit: Option<String>,
    #[serde(default)]
    pub(crate) container: Option<Value>,
    #[serde(default)]
    pub(crate) k8s: Option<Value>,
    #[serde(default)]
    pub(crate) transition: Option<Transition>,
    #[serde(default)]
    pub(crate) eof: Option<Eof>,
    #[serde(default)]
    pub(crate) finding: Option<Box<Finding>>,
    #[serde(default)]
    pub(crate) incident: Option<Value>,
    #[serde(default)]
    pub(crate) remedy: Option<Value>,
    #[serde(default)]
    pub(crate) lost: Option<Lost>,
    #[serde(default)]
    pub(crate) resync: Option<Resync>,
    #[serde(default)]
    pub(crate) hello: Option<Box<Hello>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: String,
    pub(crate) host: String,
    pub(crate) kernel: String,
    pub(crate) boot_id: String,
    /// How each signal is learnt; null for one that is not.
    pub(crate) signals: BTreeMap<String, Option<String>>,
    pub(crate) next_seq: u64,
}

/// The types of `docs/events.md`; another one makes the line unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Hello,
    Transition,
    Eof,
    Finding,
    Incident,
    Remedy,
    Lost,
    Resync,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Socket {
    pub(crate) id: Value,
    #[serde(default)]
    pub(crate) inode: Option<u64>,
    pub(crate) netns: u32,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Client,
    Server,
    Unknown,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Network {
    #[serde(deserialize_with = "transport")]
    pub(crate) transport: Word,
    #[serde(rename = "type", deserialize_with = "family")]
    pub(crate) family: Word,
    pub(crate) local: End,
    pub(crate) peer: End,
    pub(crate) connection: ConnectionState,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct End {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConnectionState {
    #[serde(deserialize_with = "state")]
    pub(crate) state: Word,
    #[serde(default)]
    pub(crate) peer_state: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    #[serde(default)]
    pub(crate) vpid: Option<u32>,
    pub(crate) start_time: String,
    pub(crate) comm: String,
    pub(crate) executable: Executable,
    #[serde(default)]
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) real_user: Option<User>,
    #[serde(deserialize_with = "attribution")]
    pub(crate) attribution: Word,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Executable {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Transition {
    #[serde(deserialize_with = "state")]
    pub(crate) from: Word,
    #[serde(deserialize_with = "state")]
    pub(crate) to: Word,
    #[serde(default)]
    pub(crate) after_ns: Option<u64>,
    #[serde(deserialize_with = "cause")]
    pub(crate) cause: Word,
    #[serde(default)]
    pub(crate) segment_refused: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Eof {
    #[serde(default)]
    pub(crate) after_ns: Option<u64>,
    pub(crate) thread_id: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: Value,
    pub(crate) action: Action,
    pub(crate) verdict: String,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) opened: String,
    #[serde(default)]
    pub(crate) missing: Vec<String>,
    #[serde(default)]
    pub(crate) half_closed_since: Option<String>,
    #[serde(default)]
    pub(crate) half_closed_ns: Option<u64>,
    pub(crate) summary: String,
    pub(crate) hint: String,
    pub(crate) evidence: serde_json::Map<String, Value>,
    pub(crate) holders: Vec<Holder>,
    /// Only with `--stacks`.
    #[serde(default)]
    pub(crate) stacks: Vec<Value>,
    #[serde(default)]
    pub(crate) resolution: Option<String>,
    /// Only of what ended while no daemon ran.
    #[serde(default)]
    pub(crate) ended_after: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Opened,
    Updated,
    Resolved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Info,
    Warning,
    Critical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Confidence {
    Proven,
    Likely,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) fd: u32,
    pub(crate) comm: String,
    pub(crate) executable: Executable,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lost {
    pub(crate) records: u64,
    pub(crate) reason: String,
    pub(crate) since: String,
}

impl Lost {
    /// The kernel did not run a program because one was running on that CPU: no kprobe runs inside another.
    pub(crate) fn is_missed(&self) -> bool {
        self.reason == "program_missed"
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resync {
    pub(crate) sockets: u64,
    pub(crate) corrected: u64,
    pub(crate) took_ns: u64,
}

impl Event {
    /// Reads a line and checks what the types alone cannot say.
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let event: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match event.fault() {
            Some(fault) => Err(fault.into()),
            None => Ok(event),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.schema != 1 {
            return Some("schema is not 1");
        }
        let processes = self.process.iter().chain(&self.peer_process);
        let mut times = processes
            .map(|process| &process.start_time)
            .chain([&self.time]);
        if !times.all(|time| is_time(time)) {
            return Some("time is not RFC 3339 UTC with nanoseconds");
        }
        let payload = match self.kind {
            Kind::Hello => self.hello.is_some(),
            Kind::Transition => self.transition.is_some(),
            Kind::Eof => self.eof.is_some(),
            Kind::Finding => self.finding.is_some(),
            Kind::Incident => self.incident.is_some(),
            Kind::Remedy => self.remedy.is_some(),
            Kind::Lost => self.lost.is_some(),
            Kind::Resync => self.resync.is_some(),
        };
        if self
            .process
            .iter()
            .chain(&self.peer_process)
            .any(|process| process.start_time > self.time)
        {
            return Some("a process of it started later than it happened");
        }
        if self
            .lost
            .as_ref()
            .is_some_and(|lost| !is_time(&lost.since) || lost.since > self.time)
        {
            return Some("lost.since is not a time before it was noticed");
        }
        if !payload {
            return Some("the payload named by its type is missing");
        }
        let of_process = self
            .finding
            .as_ref()
            .is_some_and(|finding| finding.verdict == OF_A_PROCESS);
        if of_process {
            return (self.process.is_none() || self.socket.is_some())
                .then_some("a finding about a process has no process, or a socket");
        }
        let of_socket = matches!(self.kind, Kind::Transition | Kind::Eof | Kind::Finding);
        if of_socket && (self.socket.is_none() || self.network.is_none()) {
            return Some("an event of a socket has no socket or no network");
        }
        if self
            .network
            .as_ref()
            .is_some_and(|network| !network.is_sound())
        {
            return Some("network.transport or network.type does not fit");
        }
        self.finding.as_ref().and_then(|finding| finding.fault())
    }

    /// What its process is part of.
    pub(crate) fn part_of(&self) -> Value {
        json!({
            "cgroup": self.cgroup,
            "systemd_unit": self.systemd_unit,
            "container": self.container,
            "k8s": self.k8s,
        })
    }

    /// Both ends, if it is about a connection.
    pub(crate) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let network = self.network.as_ref()?;
        let address = |end: End| SocketAddr::new(end.address, end.port);
        Some((address(network.local), address(network.peer)))
    }

    /// Name of the socket, if it is about one.
    pub(crate) fn socket_id(&self) -> Option<String> {
        self.socket.as_ref().map(|socket| socket.id.to_string())
    }

    /// The process id, if the process is known.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// Where a transition leads, if it is one.
    pub(crate) fn to(&self) -> Option<&'static str> {
        Some(self.transition.as_ref()?.to)
    }
}

impl Network {
    fn is_sound(&self) -> bool {
        let family = if self.local.address.is_ipv4() {
            "ipv4"
        } else {
            "ipv6"
        };
        self.transport == "tcp" && self.family == family
    }
}

impl Finding {
    fn fault(&self) -> Option<&'static str> {
        if !is_time(&self.opened) || !self.half_closed_since.iter().all(|time| is_time(time)) {
            return Some("a time of the finding is not RFC 3339 UTC with nanoseconds");
        }
        if self.summary.is_empty() || self.hint.is_empty() || self.evidence.is_empty() {
            return Some("a finding without summary, hint or evidence");
        }
        if self.resolution.is_some() != (self.action == Action::Resolved) {
            return Some("a finding has a resolution exactly when it is resolved");
        }
        None
    }
}

/// Whether this is RFC 3339 in UTC with nine digits after the point: such texts sort as their times do.
fn is_time(text: &str) -> bool {
    text.len() == 30 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

/// Takes a word of a closed list; another one makes the line unreadable. The events of a storm are many: none of
/// them keeps a copy of its own.
macro_rules! words {
    ($($name:ident: $($word:literal)+;)+) => {
        $(
            fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
                const KNOWN: &[&str] = &[$($word),+];
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                let known = KNOWN.iter().find(|known| **known == word);
                known.copied().ok_or_else(|| de::Error::unknown_variant(&word, KNOWN))
            }
        )+
    };
}

words! {
    state: "closed" "listen" "syn_sent" "syn_received" "established" "close_wait" "last_ack" "fin_wait_1"
        "fin_wait_2" "closing" "time_wait";
    cause: "app_connect" "app_listen" "app_accept" "handshake" "fin_received" "fin_sent" "fin_acked" "app_close"
        "process_exit" "rst_received" "reset_after_close" "reused" "timeout" "destroyed" "unreachable" "finished" "resync" "unknown";
    attribution: "connect" "accept" "holder" "listener" "inherited" "unknown";
    transport: "tcp";
    family: "ipv4" "ipv6";
}
