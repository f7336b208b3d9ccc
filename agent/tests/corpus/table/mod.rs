//! The data: which program, what its peer does, what finback must say. `docs/corpus.md` says why.

mod controls;
mod mechanisms;

use std::time::Duration;

use super::setting::setting;
use super::step::Step;

/// One program and what must come of it.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Of the programming language and its runtime.
    pub(crate) language: Language,
    /// Source file in the language's directory.
    pub(crate) file: &'static str,
    /// `S1`… of the list of mechanisms in `docs/corpus.md`; `control` for what must not be flagged.
    pub(crate) mechanism: &'static str,
    /// What the test does as the program's peer.
    pub(crate) act: Act,
    /// What the program says when its part is done.
    pub(crate) says: Option<&'static str>,
    /// Nothing for a negative control.
    pub(crate) expect: &'static [Expect],
    /// It changes settings of its network namespace.
    pub(crate) own_netns: bool,
}

/// A scenario that says "stuck", in the namespace of all.
pub(super) const fn scenario(
    mechanism: &'static str,
    language: Language,
    file: &'static str,
    act: Act,
    expect: &'static [Expect],
) -> Scenario {
    Scenario {
        language,
        file,
        mechanism,
        act,
        says: Some("stuck"),
        expect,
        own_netns: false,
    }
}

impl Scenario {
    /// `S1_go_proxy`.
    pub(crate) fn name(&self) -> String {
        let (stem, _) = self.file.split_once('.').unwrap_or((self.file, ""));
        format!("{}_{}_{}", self.mechanism, self.language.name(), stem)
    }
}

/// A programming language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Rust,
    Python,
    Node,
    Go,
    Java,
    Php,
    Ruby,
}

impl Language {
    /// Name of its directory.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Node => "node",
            Self::Go => "go",
            Self::Java => "java",
            Self::Php => "php",
            Self::Ruby => "ruby",
        }
    }

    /// Whether its programs and what runs them can be packed into a guest, whose file system is its memory: see
    /// `docs/corpus.md`.
    pub(crate) const fn fits_a_guest(self) -> bool {
        match self {
            Self::C | Self::Rust | Self::Go | Self::Python => true,
            Self::Node | Self::Java | Self::Php | Self::Ruby => false,
        }
    }
}

/// What the test is to the program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Its clients, one after the other.
    Call {
        count: usize,
        steps: &'static [Step],
    },
    /// Its server, for so many connections at once.
    Serve {
        count: usize,
        steps: &'static [Step],
    },
    /// Client (connection 0) and server (connection 1) of a proxy.
    Both {
        front: &'static [Step],
        back: &'static [Step],
    },
    /// Nothing: the program has its peer with it.
    Alone,
}

/// A finding that must come.
#[derive(Debug)]
pub(crate) struct Expect {
    /// Which connections.
    pub(crate) of: Of,
    /// Whose end, which process.
    pub(crate) who: Who,
    pub(crate) verdict: &'static str,
}

/// Connections, in the order in which they were made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Each,
    First(usize),
    /// All but the first ones.
    After(usize),
    /// Not a connection: the process.
    Process,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The one that the test started.
    Program,
    /// The child that the program named.
    Child,
    /// The test itself: its own end is what is wrong.
    Test,
}

pub(super) const fn expect(of: Of, who: Who, verdict: &'static str) -> Expect {
    Expect { of, who, verdict }
}

/// Every verdict and its threshold here, in milliseconds: short, but longer than any program's pause. 0 where it does
/// not wait for time to pass but for something to happen.
pub(crate) const VERDICTS: [(&str, u64); 13] = [
    ("never_accepted", 800),
    ("eof_unread", 1000),
    ("eof_not_requested", 1500),
    ("not_closed", 1500),
    ("eof_spin", 1000),
    ("write_after_fin", 500),
    ("stale_pooled", 1500),
    ("inherited", 1000),
    ("dead_open", 1500),
    ("never_reads", 2000),
    ("dead_peer", 2500),
    ("peer_not_closing", 2500),
    ("time_wait_pressure", 1000),
];

/// The threshold of a verdict.
pub(crate) fn threshold(verdict: &str) -> Duration {
    let found = VERDICTS.iter().find(|(name, _)| *name == verdict);
    Duration::from_millis(found.map_or(0, |(_, millis)| *millis))
}

/// Nothing that must not be flagged is flagged for so long: longer than every threshold.
pub(crate) fn calm() -> Duration {
    let longest = VERDICTS.iter().map(|(_, millis)| *millis).max();
    Duration::from_millis(longest.unwrap_or_default() + 1000)
}

/// The daemon's configuration.
pub(crate) fn config() -> String {
    let set = VERDICTS.iter().filter(|(_, millis)| *millis > 0);
    let lines: Vec<_> = set
        .map(|(name, millis)| format!("{name} = \"{millis}ms\""))
        .collect();
    format!("[thresholds]\n{}\n", lines.join("\n"))
}

/// Every scenario.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    mechanisms::ALL.iter().chain(controls::ALL)
}

/// Those that are played here: in a guest, the ones that fit into it.
pub(crate) fn here() -> impl Iterator<Item = &'static Scenario> {
    let guest = setting().guest.is_some();
    all().filter(move |scenario| !guest || scenario.language.fits_a_guest())
}
