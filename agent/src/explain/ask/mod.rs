//! What somebody has in hand: an id, a number, an address, or rows of another tool.
//!
//! A word has as many readings as it could mean; a row has one. What other tools print is other people's text: every
//! part is bounded, and a row that says nothing is told with the number of its line.

mod endpoint;
mod lsof;
mod netstat;
mod number;
mod procfs;
mod row;
mod rows;
mod ss;
mod word;

pub use self::endpoint::{Host, Place, Port};
pub use self::rows::{LINES_MAX, Pasted, Unreadable, read};
pub use self::word::arguments;

/// Longest word or row that is looked at, bytes.
pub(super) const TEXT_MAX: usize = 4096;

/// Ids that are looked for in the past at once.
const IDS_MAX: usize = 100;

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As it was written.
    pub text: String,
    /// What it can mean.
    pub readings: Vec<Reading>,
}

impl Asked {
    /// Which lines of the past all of these may mean: what has an id can be asked for when it is over. In the words of
    /// a filter.
    pub fn past(all: &[Self]) -> Option<String> {
        let readings = all.iter().flat_map(|asked| &asked.readings);
        let ids: Vec<String> = readings.filter_map(Reading::id).take(IDS_MAX).collect();
        (!ids.is_empty()).then(|| format!("id = {}", ids.join(",")))
    }
}

/// What a word or a row can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An incident's id.
    Incident(String),
    /// A finding's number.
    Finding(u64),
    /// A socket's id.
    Socket(String),
    /// A process.
    Process(u32),
    /// A connection, by what is known of it.
    Connection(Clues),
}

impl Reading {
    /// The id by which lines name it, if it has one.
    fn id(&self) -> Option<String> {
        match self {
            Self::Incident(id) | Self::Socket(id) => Some(id.to_ascii_lowercase()),
            Self::Finding(id) => Some(id.to_string()),
            Self::Process(_) | Self::Connection(_) => None,
        }
    }
}

/// What is known of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clues {
    /// Inode number of its socket; it has one for as long as a descriptor is open.
    pub inode: Option<u64>,
    /// The kernel's cookie.
    pub cookie: Option<u64>,
    /// Processes with their descriptors.
    pub holders: Vec<(u32, u32)>,
    /// A process, where the descriptor is not known.
    pub pid: Option<u32>,
    /// Ends: two, or one that may be either.
    pub ends: Vec<Place>,
}

impl Clues {
    /// Whether there is anything to go by.
    pub(super) fn any(&self) -> bool {
        self.inode.is_some()
            || self.cookie.is_some()
            || !self.holders.is_empty()
            || !self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests;
