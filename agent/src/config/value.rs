//! Values as they are written, in the file and on the command line alike. Errors are sentences that say what is
//! accepted.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use finback_common::hook::Flavour;

use crate::kernel;
use crate::value::closest;
use finback_core::model::state::TcpState;

/// Where the daemon listens.
pub const DEFAULT_SOCKET: &str = "/run/finback/finback.sock";

/// Which flavours may be attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// For each signal the cheapest that loads and fires.
    #[default]
    Auto,
    /// This one or none.
    Only(Flavour),
}

impl Attach {
    /// Every word that is accepted.
    pub const WORDS: [&'static str; 4] = ["auto", "kprobe", "fentry", "tracepoint"];
}

impl FromStr for Attach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let flavour = Flavour::ALL.iter().find(|flavour| flavour.name() == text);
        match (text, flavour) {
            ("auto", _) => Ok(Self::Auto),
            (_, Some(flavour)) => Ok(Self::Only(*flavour)),
            _ => Err(format!("use one of {}", Self::WORDS.join(", "))),
        }
    }
}

/// Some TCP states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u16);

impl StateSet {
    /// Exactly these.
    pub const fn of(states: &[TcpState]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < states.len() {
            bits |= 1 << states[index].to_kernel();
            index += 1;
        }
        Self(bits)
    }

    /// Whether the state is one of them.
    pub const fn contains(self, state: TcpState) -> bool {
        self.0 & 1 << state.to_kernel() != 0
    }

    /// Bit `1 << n` for the kernel's state number `n`.
    pub const fn mask(self) -> u32 {
        // A const fn cannot call `u32::from`.
        self.0 as u32
    }

    /// Each state of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Words for states; each may also be written in upper case, with `-`, with `_` or with neither.
const STATE_WORDS: &[(&str, TcpState)] = &[
    ("closed", TcpState::Closed),
    ("close", TcpState::Closed),
    ("listen", TcpState::Listen),
    ("syn_sent", TcpState::SynSent),
    ("syn_received", TcpState::SynReceived),
    ("syn_recv", TcpState::SynReceived),
    ("established", TcpState::Established),
    ("estab", TcpState::Established),
    ("close_wait", TcpState::CloseWait),
    ("last_ack", TcpState::LastAck),
    ("fin_wait_1", TcpState::FinWait1),
    ("fin_wait_2", TcpState::FinWait2),
    ("closing", TcpState::Closing),
    ("time_wait", TcpState::TimeWait),
];

impl FromStr for StateSet {
    type Err = String;

    /// One state, or `all`.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
        let wanted = plain(text.trim());
        if wanted == "all" {
            return Ok(Self(u16::MAX));
        }
        let found = STATE_WORDS.iter().find(|(word, _)| plain(word) == wanted);
        found.map(|(_, state)| Self::of(&[*state])).ok_or_else(|| {
            let words = STATE_WORDS.iter().map(|(word, _)| *word);
            let guess = closest(text, words).map_or_else(String::new, |word| format!("did you mean `{word}`? "));
            format!("{guess}use closed, listen, syn_sent, syn_received, established, close_wait, last_ack, fin_wait_1, fin_wait_2, closing, time_wait or all")
        })
    }
}

/// States separated by commas.
pub fn states(text: &str) -> Result<StateSet, String> {
    let none = StateSet::of(&[]);
    text.split(',')
        .try_fold(none, |all, word| Ok(all.union(word.parse()?)))
}

/// A size: bytes, or a whole number and one of `KiB`, `MiB`, `GiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "use a number of bytes, or one with KiB or MiB, for example 16MiB".to_owned();
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok().ok_or_else(wrong)?;
    let factor = match unit.trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Size of a ring buffer that the kernel accepts: a power of two and a multiple of the page size
/// (`ringbuf_map_alloc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingBytes(u32);

/// Largest ring. The kernel would take 2 GiB; that much unread would be minutes old.
const RING_MAX: u64 = 1 << 30;

impl RingBytes {
    /// Checks a size.
    pub fn new(bytes: u64) -> Result<Self, String> {
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        let fits = bytes.is_power_of_two() && bytes.is_multiple_of(page) && bytes <= RING_MAX;
        if fits && let Ok(bytes) = u32::try_from(bytes) {
            return Ok(Self(bytes));
        }
        let near = bytes.clamp(page, RING_MAX).next_power_of_two();
        Err(format!(
            "a ring size is a power of two and a multiple of the page size ({page}); the next is {near}"
        ))
    }

    /// Bytes.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for RingBytes {
    /// 8 MiB: 70,000 records, 70 ms of a million per second.
    fn default() -> Self {
        Self(kernel::Options::RING_BYTES)
    }
}

impl FromStr for RingBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(bytes(text)?)
    }
}

impl fmt::Display for RingBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many sockets can be tracked.
pub(super) const MAX_SOCKETS: RangeInclusive<u32> = 1024..=16_777_216;

/// What is accepted for `max_sockets`.
pub(super) fn max_sockets_help() -> String {
    format!(
        "use a number from {} to {}",
        MAX_SOCKETS.start(),
        MAX_SOCKETS.end()
    )
}

/// A number of sockets.
pub fn max_sockets(text: &str) -> Result<u32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| MAX_SOCKETS.contains(number));
    number.ok_or_else(max_sockets_help)
}
