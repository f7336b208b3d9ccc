//! Replaces what tells where lines come from: the same by the same, in fields and in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aho_corasick::{AhoCorasick, MatchKind};

use super::fields::{self, Field, Kind};
use crate::output::json::{self, Event};
use crate::output::text::clean;

/// Why lines cannot be anonymized.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is too much to look for.
    #[error("too many names: {0}")]
    Names(#[from] aho_corasick::BuildError),
    /// A line cannot be written.
    #[error(transparent)]
    Line(#[from] std::io::Error),
}

/// The lines with replacements; those that cannot be read or are about nothing in particular are left out.
pub(super) fn anonymize(lines: &[String]) -> Result<Vec<String>, Error> {
    let mut originals = Originals::default();
    for line in lines {
        let Ok(mut event) = serde_json::from_str::<Event<'_>>(line) else {
            continue;
        };
        fields::each(&mut event, &mut |field| originals.add(&field));
    }
    let table = Table::new(&originals)?;
    let mut replaced = Vec::new();
    for line in lines {
        let Ok(mut event) = serde_json::from_str::<Event<'_>>(line) else {
            continue;
        };
        if fields::each(&mut event, &mut |field| table.replace(field)) {
            let mut line = Vec::new();
            json::write_line(&event, &mut line)?;
            replaced.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    Ok(replaced)
}

/// What is to be replaced, in the order in which it was seen.
#[derive(Debug, Default)]
struct Originals {
    names: Vec<(Kind, String)>,
    addresses: Vec<IpAddr>,
    seen: BTreeSet<String>,
}

impl Originals {
    fn add(&mut self, field: &Field<'_, '_>) {
        match field {
            Field::Address(address) => {
                let stays = address.is_loopback() || address.is_unspecified();
                if !stays && self.seen.insert(address.to_string()) {
                    self.addresses.push(**address);
                }
            }
            Field::Name(kind, name) => {
                let stays = name.is_empty() || *kind == Kind::Program && is_runtime(name);
                if !stays && self.seen.insert(name.to_string()) {
                    self.names.push((*kind, name.to_string()));
                }
            }
            Field::Sentence(_) => {}
        }
    }
}

/// What stands for what.
#[derive(Debug)]
struct Table {
    names: BTreeMap<String, String>,
    addresses: BTreeMap<IpAddr, IpAddr>,
    sentences: Sentences,
}

impl Table {
    fn new(originals: &Originals) -> Result<Self, Error> {
        let mut next = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (kind, name) in &originals.names {
            let number = next.entry(*kind).or_insert(0_u32);
            names.insert(
                name.clone(),
                fresh(originals, number, |n| stand_in(*kind, n)),
            );
        }
        let mut addresses = BTreeMap::new();
        let (mut v4, mut v6) = (0, 0);
        for address in &originals.addresses {
            let other = match address {
                IpAddr::V4(_) => fresh(originals, &mut v4, |n| documentation_v4(n).into()),
                IpAddr::V6(_) => fresh(originals, &mut v6, |n| documentation_v6(n).into()),
            };
            addresses.insert(*address, other);
        }
        let sentences = Sentences::new(&names, &addresses)?;
        Ok(Self {
            names,
            addresses,
            sentences,
        })
    }

    fn replace(&self, field: Field<'_, '_>) {
        match field {
            Field::Address(address) => {
                *address = self.addresses.get(address).copied().unwrap_or(*address);
            }
            Field::Name(_, name) => {
                if let Some(other) = self.names.get(&**name) {
                    *name = other.clone().into();
                }
            }
            Field::Sentence(text) => *text = self.sentences.replace(text).into(),
        }
    }
}

/// The next that is not also an original: else nobody could tell one from the other.
fn fresh<T: ToString>(originals: &Originals, last: &mut u32, make: impl Fn(u32) -> T) -> T {
    loop {
        *last += 1;
        let made = make(*last);
        if !originals.seen.contains(&made.to_string()) {
            return made;
        }
    }
}

fn stand_in(kind: Kind, number: u32) -> String {
    let word = match kind {
        Kind::Arguments => "arguments",
        Kind::Cgroup => "/cgroup",
        Kind::Container => "container",
        Kind::Namespace => "namespace",
        Kind::Path => "/path",
        Kind::Pod => "pod",
        Kind::Program => "program",
        Kind::Unit => "unit",
        Kind::Workload => "workload",
    };
    format!("{word}-{number}")
}

/// Of the ranges for documentation (RFC 5737); where those do not suffice, of that for measurements (RFC 2544), and beyond
/// it of class E, which nobody has.
fn documentation_v4(number: u32) -> Ipv4Addr {
    const RANGES: [[u8; 3]; 3] = [[198, 51, 100], [203, 0, 113], [192, 0, 2]];
    const HOSTS: u32 = 254;
    const BENCHMARK: u32 = 0xc612_0000;
    const BENCHMARK_SIZE: u32 = 1 << 17;
    let range = RANGES.get(usize::try_from((number - 1) / HOSTS).unwrap_or(usize::MAX));
    if let Some([a, b, c]) = range {
        let host = u8::try_from((number - 1) % HOSTS + 1).unwrap_or(u8::MAX);
        return Ipv4Addr::new(*a, *b, *c, host);
    }
    let base = if number < BENCHMARK_SIZE {
        BENCHMARK
    } else {
        0xf000_0000
    };
    Ipv4Addr::from(base.saturating_add(number))
}

/// Of the range for documentation (RFC 3849).
fn documentation_v6(number: u32) -> Ipv6Addr {
    const BASE: u128 = 0x2001_0db8 << 96;
    Ipv6Addr::from(BASE | u128::from(number))
}

/// Names in sentences.
#[derive(Debug)]
struct Sentences {
    find: AhoCorasick,
    others: Vec<String>,
}

impl Sentences {
    fn new(
        names: &BTreeMap<String, String>,
        addresses: &BTreeMap<IpAddr, IpAddr>,
    ) -> Result<Self, Error> {
        let addresses = addresses
            .iter()
            .map(|(address, other)| (address.to_string(), other.to_string()));
        // A sentence may have a name without what could control a terminal.
        let names = names.iter().flat_map(|(name, other)| {
            [name.clone(), clean(name)].map(|name| (name, other.clone()))
        });
        let (patterns, others): (Vec<String>, Vec<String>) = addresses.chain(names).unzip();
        let mut builder = AhoCorasick::builder();
        let find = builder
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns)?;
        Ok(Self { find, others })
    }

    fn replace(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.find
            .replace_all_with(text, &mut out, |found, is, out| {
                let other = self.others.get(found.pattern().as_usize());
                let whole = is_whole(text, found.start(), found.end());
                out.push_str(other.filter(|_| whole).map_or(is, |other| other));
                true
            });
        out
    }
}

/// Whether no word goes on at either side: `cat` is not in `located`.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let inside = text.get(start..end).unwrap_or_default();
    let joined = |one: Option<char>, other: Option<char>| {
        one.zip(other)
            .is_some_and(|(one, other)| one.is_alphanumeric() && other.is_alphanumeric())
    };
    !joined(before, inside.chars().next()) && !joined(inside.chars().next_back(), after)
}

/// Whether it is a runtime that half of the world uses; a version may follow.
fn is_runtime(name: &str) -> bool {
    const RUNTIMES: [&str; 13] = [
        "beam.smp", "bun", "deno", "dotnet", "gunicorn", "java", "node", "perl", "php", "php-fpm",
        "pypy", "python", "ruby",
    ];
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    RUNTIMES.contains(&name)
}
