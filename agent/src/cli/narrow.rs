//! Which sockets: a few words, joined by `and`.

use std::str::FromStr;

use crate::output::json::{Body, Event, Listed, Subject};
use crate::output::text::word;

/// All of these must be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Narrow(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    State(String),
    Pid(u32),
    Comm(String),
    LocalPort(u16),
    PeerPort(u16),
    Netns(u32),
    Cookie(u64),
}

/// What is accepted, for the help.
const HELP: &str = "use `state close-wait`, `pid = N`, `comm = NAME`, `sport = :N`, `dport = :N`, `netns = N`, \
                    `cookie = N`, joined by `and`; `all` alone for every socket";

impl FromStr for Narrow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let term = |term: &str| {
            let words: Vec<&str> = term.split_whitespace().collect();
            parse(&words).ok_or_else(|| format!("`{}` is no filter: {HELP}", term.trim()))
        };
        text.split(" and ")
            .map(term)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse(words: &[&str]) -> Option<Term> {
    let port = |text: &str| text.strip_prefix(':').unwrap_or(text).parse().ok();
    Some(match *words {
        ["state", state] => Term::State(state.to_lowercase().replace(['-', '_'], "")),
        ["pid", "=", pid] => Term::Pid(pid.parse().ok()?),
        ["comm", "=", name] => Term::Comm(name.into()),
        ["sport", "=", number] => Term::LocalPort(port(number)?),
        ["dport", "=", number] => Term::PeerPort(port(number)?),
        ["netns", "=", number] => Term::Netns(number.parse().ok()?),
        ["cookie", "=", number] => Term::Cookie(number.parse().ok()?),
        _ => return None,
    })
}

impl Narrow {
    /// Whether the line is of a socket that is meant.
    pub(super) fn matches(&self, event: &Event<'_>) -> bool {
        let Body::Socket { subject, listed } = &event.body else {
            return false;
        };
        self.0.iter().all(|term| term.matches(subject, listed))
    }
}

impl Term {
    fn matches(&self, subject: &Subject<'_>, listed: &Listed<'_>) -> bool {
        let network = subject.network.as_ref();
        let socket = subject.socket.as_ref();
        let mut holders = listed.holders.iter();
        match self {
            Self::State(state) => network
                .is_some_and(|network| word(network.connection.state).replace('_', "") == *state),
            Self::Pid(pid) => holders.any(|holder| holder.pid == *pid),
            Self::Comm(name) => holders.any(|holder| *holder.executable.name == **name),
            Self::LocalPort(port) => network.is_some_and(|network| network.local.port == *port),
            Self::PeerPort(port) => network.is_some_and(|network| network.peer.port == *port),
            Self::Netns(netns) => socket.is_some_and(|socket| socket.netns == *netns),
            Self::Cookie(cookie) => socket.is_some_and(|socket| socket.cookie == Some(*cookie)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    #[test]
    fn every_term_must_be_true() {
        let line = samples::socket(|_| {});
        let matches = |text: &str| text.parse::<Narrow>().unwrap().matches(&line);
        assert!(matches(
            "state ESTABLISHED and pid = 4711 and dport = :5432"
        ));
        assert!(matches("comm = shop and cookie = 4242 and netns = 1"));
        assert!(!matches("state close-wait"));
        assert!(!matches("pid = 4711 and sport = :1"));
        assert!("".parse::<Narrow>().is_err());
        assert!("pid = x".parse::<Narrow>().is_err());
    }
}
