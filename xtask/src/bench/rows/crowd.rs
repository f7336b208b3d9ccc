//! Many connections that are only held: how long a look at them takes, beside `ss`, and what memory it takes.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::attached::{Child, Rivals, ended_cpu};
use super::super::load::Crowd;
use super::super::network::{Kind, Network};
use super::super::report::{CrowdStep, Report, Took};
use crate::interrupt::{self, sleep};
use crate::process;

/// Shares of the largest number, in thousandths.
const STEPS: [usize; 5] = [0, 20, 200, 500, 1000];
const RUNS: usize = 3;
/// A running daemon has looked by then.
const LOOKED: Duration = Duration::from_millis(1500);

/// Grows to `most` connections between two namespaces.
///
/// # Errors
/// They cannot be made, the daemon or `ss` fails, or a signal came.
pub(crate) fn measure(rivals: &Rivals, most: usize, report: &mut Report) -> Result<()> {
    let network = Network::open(Kind::Veth)?;
    let mut crowd = Crowd::default();
    for share in STEPS {
        let connections = most * share / 1000;
        eprintln!("xtask: {connections} held connections");
        crowd.grow(&network, connections)?;
        let mut step = CrowdStep {
            connections,
            processes: crowd.processes(),
            sockets: None,
            look: Vec::new(),
            start: Vec::new(),
            ls: Vec::new(),
            ss: Vec::new(),
            resident: 0,
            anonymous: 0,
        };
        for _ in 0..RUNS {
            interrupt::check()?;
            step.ss.push(ss(&network)?);
            run(rivals, &mut step)?;
        }
        report.crowd.push(step);
    }
    Ok(())
}

/// One daemon, from its start on; then one look without it.
fn run(rivals: &Rivals, step: &mut CrowdStep) -> Result<()> {
    let started = Instant::now();
    let daemon = rivals.finback.quiet()?;
    step.start.push(Took {
        wall: started.elapsed().as_secs_f64(),
        cpu: daemon.cpu()?.as_secs_f64(),
    });
    sleep(LOOKED)?;
    let status = rivals.finback.status()?;
    let (took, sockets) = told(&daemon);
    let look = status.find("look", "took_ns").map(|nanos| nanos / 1e9);
    step.look.extend(look.or(took));
    step.sockets = status.find("look", "sockets").or(sockets);
    (step.resident, step.anonymous) = daemon.memory()?;
    drop(daemon);
    if let Some(mut list) = rivals.finback.command(&["ls"]) {
        step.ls.push(timed(&mut list)?);
    }
    Ok(())
}

/// Seconds and sockets of the look at the start, from the daemon's log.
fn told(daemon: &Child) -> (Option<f64>, Option<f64>) {
    let lines = daemon.errors();
    let line = lines.iter().rev().find(|line| line.contains("took="));
    let value = |name: &str| -> Option<&str> {
        let (_, rest) = line?.split_once(name)?;
        rest.split_whitespace().next()
    };
    let took = value("took=").and_then(seconds);
    let sockets = value("sockets=").and_then(|text| text.parse().ok());
    (took, sockets)
}

/// `33.1ms`, as durations are logged.
fn seconds(text: &str) -> Option<f64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (digits, unit) = text.split_at(at);
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * scale)
}

/// `ss` sees one network namespace: it is asked in both.
fn ss(network: &Network) -> Result<Took> {
    let one = || timed(Command::new("ss").arg("-tanp"));
    let (client, server) = (network.with_client(one)?, network.with_server(one)?);
    Ok(Took {
        wall: client.wall + server.wall,
        cpu: client.cpu + server.cpu,
    })
}

/// Runs it until it has ended and all of its output is read.
fn timed(command: &mut Command) -> Result<Took> {
    let (started, before) = (Instant::now(), ended_cpu()?);
    process::output(command)?;
    Ok(Took {
        wall: started.elapsed().as_secs_f64(),
        cpu: ended_cpu()?.saturating_sub(before).as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_of_a_log_are_read() {
        for (text, expected) in [("33.5ms", 0.0335), ("1.25s", 1.25), ("800µs", 0.0008)] {
            assert!((seconds(text).unwrap() - expected).abs() < 1e-12, "{text}");
        }
        assert_eq!(seconds("soon"), None);
    }
}
