//! What is lost while something is attached: each burst is compared with those around it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::attached::{Attached, Child, Rivals, Variant, own_cpu};
use super::super::load::{self, Tally};
use super::super::network::{Kind, Network};
use super::super::report::{Loss, Losses, Report};
use super::super::stats::{Estimate, count, median, number};
use crate::interrupt;

/// Untimed load before the first round: sockets in TIME_WAIT have then reached their number.
const WARM_UP: Duration = Duration::from_secs(2);
/// A program has worked off what a burst left when it uses less than this...
const CALM: Duration = Duration::from_micros(300);
/// ...in so long...
const WHILE: Duration = Duration::from_millis(20);
/// ...or after this many tries.
const TRIES: u32 = 25;

/// One burst of short connections and one of a stream.
#[derive(Clone, Copy, Debug)]
struct Burst {
    connections: f64,
    stream: f64,
    /// CPU seconds per byte of the stream.
    stream_cpu: f64,
    /// CPU seconds per connection, of load and program together.
    cpu: f64,
    /// CPU seconds per connection, of the program alone until it had nothing left to do.
    agent: f64,
    output: f64,
}

/// What a variant's bursts said.
#[derive(Debug, Default)]
struct Values {
    connections: Vec<f64>,
    cpu: Vec<f64>,
    stream: Vec<f64>,
    stream_cpu: Vec<f64>,
    agent_us: Vec<f64>,
    output: Vec<f64>,
}

/// Measures every variant over one network. A variant that cannot be attached is left out, with its reason.
///
/// # Errors
/// The network cannot be made, the load fails, or a signal came.
pub(crate) fn measure(
    rivals: &Rivals,
    kind: Kind,
    rounds: usize,
    span: Duration,
    report: &mut Report,
) -> Result<()> {
    let network = Network::open(kind)?;
    load::connections(&network, WARM_UP)?;
    let mut variants = Variant::ALL.to_vec();
    let mut values: BTreeMap<Variant, Values> = BTreeMap::new();
    let mut bases = Vec::new();
    let mut before = Burst::of(&network, &Attached::Nothing, span)?;
    let started = Instant::now();
    for round in 0..rounds {
        progress(kind, round, rounds, started);
        let turns = variants.len();
        variants.rotate_left(usize::from(turns > 1 && round > 0));
        for variant in variants.clone() {
            interrupt::check()?;
            let during = match rivals.attach(variant) {
                Ok(attached) => Burst::of(&network, &attached, span),
                Err(error) if values.contains_key(&variant) => Err(error),
                Err(error) => {
                    interrupt::check()?;
                    report.lacks(variant.title(), &error);
                    variants.retain(|one| *one != variant);
                    continue;
                }
            }?;
            let after = Burst::of(&network, &Attached::Nothing, span)?;
            values
                .entry(variant)
                .or_default()
                .add(&before, &during, &after);
            bases.push(after);
            before = after;
        }
    }
    progress(kind, rounds, rounds, started);
    let losses = values
        .iter()
        .filter_map(|(variant, values)| values.loss(*variant));
    report.losses.push(Losses {
        network: kind,
        connections_per_second: median(&bases.iter().map(|b| b.connections).collect::<Vec<_>>()),
        bytes_per_second: median(&bases.iter().map(|b| b.stream).collect::<Vec<_>>()),
        variants: losses.collect(),
    });
    Ok(())
}

impl Burst {
    fn of(network: &Network, attached: &Attached, span: Duration) -> Result<Self> {
        let written = || attached.child().map_or(0, Child::written);
        let (own, agent, output) = (own_cpu()?, attached.cpu()?, written());
        let Tally { made, rate } = load::connections(network, span)?;
        let made = number(made.max(1));
        let spent = own_cpu()?.saturating_sub(own) + attached.cpu()?.saturating_sub(agent);
        calm(attached)?;
        let agent = attached.cpu()?.saturating_sub(agent);
        let output = written() - output;
        let (own, program) = (own_cpu()?, attached.cpu()?);
        let stream = load::stream(network, span)?;
        let streamed = own_cpu()?.saturating_sub(own) + attached.cpu()?.saturating_sub(program);
        Ok(Self {
            connections: rate,
            stream: stream.rate,
            stream_cpu: streamed.as_secs_f64() / number(stream.made.max(1)),
            cpu: spent.as_secs_f64() / made,
            agent: agent.as_secs_f64() / made,
            output: number(output) / made,
        })
    }
}

/// Waits until a program has worked off what a burst left.
fn calm(attached: &Attached) -> Result<()> {
    if attached.child().is_none() {
        return Ok(());
    }
    for _ in 0..TRIES {
        let before = attached.cpu()?;
        interrupt::sleep(WHILE)?;
        if attached.cpu()?.saturating_sub(before) < CALM {
            break;
        }
    }
    Ok(())
}

impl Values {
    fn add(&mut self, before: &Burst, during: &Burst, after: &Burst) {
        let lost = |of: fn(&Burst) -> f64| 1.0 - of(during) / f64::midpoint(of(before), of(after));
        self.connections.push(lost(|burst| burst.connections));
        self.cpu.push(lost(|burst| 1.0 / burst.cpu));
        self.stream.push(lost(|burst| burst.stream));
        self.stream_cpu.push(lost(|burst| 1.0 / burst.stream_cpu));
        self.agent_us.push(during.agent * 1e6);
        self.output.push(during.output);
    }

    fn loss(&self, variant: Variant) -> Option<Loss> {
        Some(Loss {
            variant,
            connections: Estimate::of(&self.connections)?,
            connections_by_cpu: Estimate::of(&self.cpu)?,
            stream: Estimate::of(&self.stream)?,
            stream_by_cpu: Estimate::of(&self.stream_cpu)?,
            agent_us: Estimate::of(&self.agent_us)?,
            output_bytes: median(&self.output),
        })
    }
}

/// One line that is written over on a terminal, a line now and then elsewhere.
fn progress(kind: Kind, round: usize, rounds: usize, started: Instant) {
    let left = if round == 0 {
        String::new()
    } else {
        let each = started.elapsed().as_secs_f64() / count(round);
        format!(", about {:.0} s left", each * count(rounds - round))
    };
    let text = format!("xtask: {}: round {round} of {rounds}{left}", kind.title());
    if io::stderr().is_terminal() {
        let end = if round == rounds { "\n" } else { "" };
        eprint!("\r{text:<78}{end}");
    } else if round.is_multiple_of(5) || round == rounds {
        eprintln!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_compared_with_the_mean_of_its_neighbours() {
        let nothing = |connections| Burst {
            connections,
            stream: 100.0,
            stream_cpu: 1.0,
            cpu: 1.0,
            agent: 0.0,
            output: 0.0,
        };
        let during = Burst {
            connections: 80.0,
            stream: 100.0,
            stream_cpu: 1.0,
            cpu: 1.25,
            agent: 3e-6,
            output: 9.0,
        };
        let mut values = Values::default();
        for _ in 0..3 {
            values.add(&nothing(90.0), &during, &nothing(110.0));
        }
        let loss = values.loss(Variant::Quiet).unwrap();
        assert!((loss.connections.value - 0.2).abs() < 1e-9);
        assert!((loss.connections_by_cpu.value - 0.2).abs() < 1e-9);
        assert!((loss.agent_us.value - 3.0).abs() < 1e-9);
        assert!(loss.stream.is_noise());
    }
}
