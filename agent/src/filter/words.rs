//! tidy: table
//! Every word of the language, once: the parser, the printer and the page about filters go by this table.

use super::operator::Operator;
use super::vocabulary::{
    CONFIDENCES, FAMILIES, ROLES, SEVERITIES, STATES, TYPES, VERDICTS, Vocabulary,
};

/// What a word asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    State,
    Src,
    Dst,
    Sport,
    Dport,
    Local,
    Peer,
    Port,
    Family,
    Pid,
    Comm,
    Exe,
    Cmd,
    User,
    Holder,
    Fd,
    Inode,
    Cookie,
    Netns,
    Id,
    Role,
    Verdict,
    Severity,
    Confidence,
    Age,
    Unread,
    Unacked,
    Stack,
    Cgroup,
    Unit,
    Container,
    Pod,
    Namespace,
    Type,
    Host,
}

/// What it is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// One of a few words.
    Word(&'static Vocabulary),
    /// A whole number.
    Number,
    /// A number of bytes.
    Bytes,
    /// A duration.
    Age,
    /// A port.
    Port,
    /// An address with or without a port, a network, or a port.
    End,
    /// An address or a network.
    Address,
    /// A name.
    Text,
    /// Text of which people know a part.
    LongText,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) name: Name,
    /// Canonical form first.
    pub(super) spelt: &'static [&'static str],
    pub(super) kind: Kind,
    /// What it asks for, for the page.
    pub(super) about: &'static str,
    /// A filter with it.
    pub(super) example: &'static str,
}

impl Kind {
    /// What can be asked.
    pub(super) const fn operators(self) -> &'static [Operator] {
        use Operator::{AtLeast, AtMost, Contains, Equal, Lacks, Less, More, Unequal};
        match self {
            Self::Word(vocabulary) if !vocabulary.ordered => &[Equal, Unequal],
            Self::Word(_) | Self::Number | Self::Bytes | Self::Port => {
                &[Equal, Unequal, Less, AtMost, More, AtLeast]
            }
            Self::Age => &[Less, AtMost, More, AtLeast],
            Self::End | Self::Address => &[Equal, Unequal],
            Self::Text | Self::LongText => &[Equal, Unequal, Contains, Lacks],
        }
    }

    /// What is asked where a value follows at once.
    pub(super) const fn silent(self) -> Operator {
        match self {
            Self::Age => Operator::More,
            Self::LongText => Operator::Contains,
            Self::Word(_)
            | Self::Number
            | Self::Bytes
            | Self::Port
            | Self::End
            | Self::Address
            | Self::Text => Operator::Equal,
        }
    }

    /// For the page and for errors: a noun.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Word(vocabulary) => vocabulary.noun,
            Self::Number => "number",
            Self::Bytes => "number of bytes",
            Self::Age => "duration",
            Self::Port => "port",
            Self::End => "address, network or port",
            Self::Address => "address or network",
            Self::Text | Self::LongText => "text",
        }
    }
}

impl Name {
    /// Its row.
    pub(super) fn word(self) -> &'static Word {
        // The table has every name: a test says so.
        WORDS
            .iter()
            .find(|word| word.name == self)
            .unwrap_or(&WORDS[0])
    }
}

impl Word {
    /// The word of this name.
    pub(super) fn read(text: &str) -> Option<&'static Self> {
        WORDS.iter().find(|word| word.spelt.contains(&text))
    }

    /// Canonical name.
    pub(super) const fn canonical(&self) -> &'static str {
        self.spelt[0]
    }
}

/// Takes as its value what [`Name::State`] does, and means the opposite.
pub(super) const EXCLUDE: [&str; 2] = ["exclude", "excl"];

/// What `ss` knows and no line has, with the reason.
pub(super) const REFUSED: [(&str, &str); 4] = [
    (
        "dev",
        "finback does not know the interface of a socket: use the network of its address, for example `src 10.0.0.0/8`",
    ),
    (
        "fwmark",
        "finback does not read marks: use `ss` for this, or the address, port, pid or cgroup that the mark stands for",
    ),
    (
        "autobound",
        "finback does not know how a port was chosen: use the range from /proc/sys/net/ipv4/ip_local_port_range, for \
         example `sport >= :32768`",
    ),
    (
        "bound-inactive",
        "finback lists sockets that have a state: use `state closed`",
    ),
];

const fn word(
    name: Name,
    spelt: &'static [&'static str],
    kind: Kind,
    about: &'static str,
    example: &'static str,
) -> Word {
    Word {
        name,
        spelt,
        kind,
        about,
        example,
    }
}

/// The table.
pub(super) static WORDS: [Word; 35] = [
    word(
        Name::State,
        &["state"],
        Kind::Word(&STATES),
        "state of the connection, or a group of states",
        "state close-wait",
    ),
    word(
        Name::Src,
        &["src"],
        Kind::End,
        "local end",
        "src 10.0.0.0/8",
    ),
    word(
        Name::Dst,
        &["dst"],
        Kind::End,
        "other end; of an incident, any of its peers",
        "dst [2001:db8::1]:443",
    ),
    word(
        Name::Sport,
        &["sport"],
        Kind::Port,
        "local port; of an incident, its server's port",
        "sport = :https",
    ),
    word(
        Name::Dport,
        &["dport"],
        Kind::Port,
        "port of the other end; of an incident, of any of its peers",
        "dport != :5432",
    ),
    word(
        Name::Local,
        &["local"],
        Kind::Address,
        "address of the local end, whatever its port",
        "local 127.0.0.1",
    ),
    word(
        Name::Peer,
        &["peer"],
        Kind::Address,
        "address of the other end, whatever its port; of an incident, of any of its peers",
        "peer 10.0.0.0/8",
    ),
    word(
        Name::Port,
        &["port"],
        Kind::Port,
        "port of either end",
        "port 5432,6379",
    ),
    word(
        Name::Family,
        &["family"],
        Kind::Word(&FAMILIES),
        "version of the Internet Protocol",
        "family ipv6",
    ),
    word(
        Name::Pid,
        &["pid"],
        Kind::Number,
        "process it belongs to, or any that holds it; of an incident, any of its processes",
        "pid 4711,4712",
    ),
    word(
        Name::Comm,
        &["comm"],
        Kind::Text,
        "name of such a process as the kernel has it (at most 15 bytes)",
        "comm = python*",
    ),
    word(
        Name::Exe,
        &["exe"],
        Kind::Text,
        "executable: its path, or the last part of that",
        "exe = /opt/*",
    ),
    word(
        Name::Cmd,
        &["cmd"],
        Kind::LongText,
        "command line, arguments joined by blanks",
        "cmd ~ \"--port 8080\"",
    ),
    word(
        Name::User,
        &["user", "uid"],
        Kind::Number,
        "user id of the process; `root` is 0",
        "user != root",
    ),
    word(
        Name::Holder,
        &["holder"],
        Kind::Number,
        "process that holds a descriptor of the socket",
        "holder = 4711",
    ),
    word(
        Name::Fd,
        &["fd"],
        Kind::Number,
        "number of such a descriptor",
        "fd >= 1000",
    ),
    word(
        Name::Inode,
        &["inode"],
        Kind::Number,
        "inode of the socket, also as `socket:[N]`",
        "inode socket:[31337]",
    ),
    word(
        Name::Cookie,
        &["cookie"],
        Kind::Number,
        "cookie of the socket, also as `sk:HEX` (as `ss -e` has it)",
        "cookie sk:1092",
    ),
    word(
        Name::Netns,
        &["netns"],
        Kind::Number,
        "inode of the network namespace, also as `net:[N]`",
        "netns net:[4026531840]",
    ),
    word(
        Name::Id,
        &["id"],
        Kind::Text,
        "id of the socket, of the finding or of the incident",
        "id = b39f94a9635-287b",
    ),
    word(
        Name::Role,
        &["role"],
        Kind::Word(&ROLES),
        "which end opened the connection",
        "role client",
    ),
    word(
        Name::Verdict,
        &["verdict"],
        Kind::Word(&VERDICTS),
        "what is wrong; `any` for all that have one",
        "verdict not_closed,eof_unread",
    ),
    word(
        Name::Severity,
        &["severity"],
        Kind::Word(&SEVERITIES),
        "how bad it is, `info` below `warning` below `critical`",
        "severity >= warning",
    ),
    word(
        Name::Confidence,
        &["confidence"],
        Kind::Word(&CONFIDENCES),
        "how sure the verdict is, `likely` below `proven`",
        "confidence proven",
    ),
    word(
        Name::Age,
        &["age"],
        Kind::Age,
        "how long it has been so (below)",
        "age > 30s",
    ),
    word(
        Name::Unread,
        &["unread"],
        Kind::Bytes,
        "bytes that wait to be read (Recv-Q)",
        "unread > 64KiB",
    ),
    word(
        Name::Unacked,
        &["unacked"],
        Kind::Bytes,
        "bytes not sent or not acknowledged (Send-Q)",
        "unacked >= 1k",
    ),
    word(
        Name::Stack,
        &["stack"],
        Kind::LongText,
        "function, `FILE:LINE` or module of any frame",
        "stack serve",
    ),
    word(
        Name::Cgroup,
        &["cgroup"],
        Kind::Text,
        "control group, without the mount point",
        "cgroup = /system.slice/*",
    ),
    word(
        Name::Unit,
        &["unit"],
        Kind::Text,
        "systemd unit",
        "unit shop.service",
    ),
    word(
        Name::Container,
        &["container"],
        Kind::Text,
        "id of the container, in full or its first 12 digits, or its name",
        "container = 3f2a9c*",
    ),
    word(Name::Pod, &["pod"], Kind::Text, "pod", "pod = shop-*"),
    word(
        Name::Namespace,
        &["namespace"],
        Kind::Text,
        "namespace of the pod",
        "namespace = prod",
    ),
    word(
        Name::Type,
        &["type"],
        Kind::Word(&TYPES),
        "type of the line",
        "type finding,incident",
    ),
    word(
        Name::Host,
        &["host"],
        Kind::Text,
        "name of the host",
        "host = web-*",
    ),
];
