//! A filter on the command line: its text, and the short forms that bcc's tools have.

use clap::Args;

use super::error::Error;
use super::expression::{Expression, Test, Values};
use super::operator::Operator;
use super::vocabulary::{FAMILIES, Words};
use super::whole::Filter;
use super::words::Name;

/// Arguments of every command that takes a filter.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterArgs {
    /// Only what this selects, for example: state close-wait sport = :443 (docs/filters.md)
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,

    /// Only of these processes, separated by commas
    #[arg(short, long = "pid", value_name = "PIDS", value_delimiter = ',')]
    pids: Vec<u32>,

    /// Only with these local ports, separated by commas
    #[arg(
        short = 'L',
        long = "localport",
        value_name = "PORTS",
        value_delimiter = ','
    )]
    local_ports: Vec<u16>,

    /// Only with these ports at the other end, separated by commas
    #[arg(
        short = 'D',
        long = "remoteport",
        value_name = "PORTS",
        value_delimiter = ','
    )]
    remote_ports: Vec<u16>,

    /// Only IPv4
    #[arg(short = '4', long)]
    ipv4: bool,

    /// Only IPv6
    #[arg(short = '6', long)]
    ipv6: bool,

    /// Only in this network namespace: the number in /proc/PID/ns/net
    #[arg(long, value_name = "N")]
    netns: Option<u32>,
}

impl FilterArgs {
    /// What all of them want together; nothing if there are none.
    pub fn filter(&self) -> Result<Option<Filter>, Error> {
        let mut parts = Vec::new();
        if !self.filter.is_empty() {
            let text = self.filter.join(" ");
            parts.push(text.parse::<Filter>().map(Filter::into_expression)?);
        }
        parts.extend(self.short().into_iter().flatten());
        Expression::all(parts).map(Filter::bounded).transpose()
    }

    fn short(&self) -> [Option<Expression>; 5] {
        let netns: Vec<u32> = self.netns.into_iter().collect();
        [
            numbers(Name::Pid, &self.pids),
            numbers(Name::Sport, &self.local_ports),
            numbers(Name::Dport, &self.remote_ports),
            self.families(),
            numbers(Name::Netns, &netns),
        ]
    }

    fn families(&self) -> Option<Expression> {
        let wanted = [(self.ipv4, "ipv4"), (self.ipv6, "ipv6")];
        let wanted = wanted.iter().filter(|(wanted, _)| *wanted);
        let words = wanted.filter_map(|(_, family)| FAMILIES.find(family));
        let words = words.reduce(Words::union)?;
        Some(equal(Name::Family, Values::Words(words)))
    }
}

fn numbers<T: Copy + Into<u64>>(name: Name, list: &[T]) -> Option<Expression> {
    let numbers = list.iter().map(|number| (*number).into()).collect();
    (!list.is_empty()).then(|| equal(name, Values::Numbers(numbers)))
}

fn equal(name: Name, values: Values) -> Expression {
    Expression::Test(Test {
        name,
        operator: Operator::Equal,
        values,
    })
}
