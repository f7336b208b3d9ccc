//! `cargo xtask zoo`: is finback silent about healthy software, and right about the rest?
//!
//! Services and clients of Debian live in a cage ([`cage`]) beside a finback with default settings. First comes ordinary
//! life ([`life`]), then trouble with the same programs ([`trouble`]) while life goes on. Only what is listed may be said
//! of the living; each fault must be named, at the right process and as severe as it is.

mod cage;
mod judge;
mod life;
mod report;
mod root;
mod trouble;
mod watch;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use self::cage::Cage;
use self::judge::Record;
use self::report::Report;
use self::root::Root;
use self::watch::Watch;
use crate::{agent, interrupt, process, workspace};

/// For all services to listen.
const READY: Duration = Duration::from_secs(90);

/// How long, and of what.
#[derive(Debug, clap::Args)]
pub(crate) struct ZooArgs {
    /// Minutes of ordinary life
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    minutes: u64,
    /// Minutes of trouble; a leak needs five to be one
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    trouble: u64,
    /// Only faults whose name contains this
    #[arg(long, value_name = "TEXT")]
    fault: Option<String>,
    /// This finback instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Write docs/accuracy.md
    #[arg(long)]
    write_docs: bool,
}

/// Runs the zoo and prints its tables; the exit code is 1 unless everything was as it should be.
///
/// # Errors
/// Not root, packages cannot be fetched, the cage does not open, finback does not start, or a signal came.
pub(crate) fn run(args: &ZooArgs) -> Result<ExitCode> {
    ensure!(
        process::is_root(),
        "the zoo makes namespaces: run it as root"
    );
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => agent::binary(false)?,
    };
    let root = Root::open()?;
    let folder = workspace::target_dir().join("zoo");
    fs::create_dir_all(folder.join("logs"))?;
    interrupt::catch();
    let report = watched(args, &binary, &root, &folder)?;
    report.print();
    if args.write_docs {
        report.write_document()?;
    }
    Ok(ExitCode::from(u8::from(!report.passed())))
}

/// From the opening of the cage to the judgement.
fn watched(args: &ZooArgs, binary: &Path, root: &Root, folder: &Path) -> Result<Report> {
    eprintln!("xtask: opening the cage (logs: {})", folder.display());
    let cage = Cage::open(root, &folder.join("logs"))?;
    let record = Record::new(cage.networks()?, cage.group(), cage::group_of);
    let watch = Watch::start(binary, folder, record)?;
    let mut report = Report::new(args.minutes, args.trouble);
    let mut alive = live(&cage, &mut report)?;
    eprintln!("xtask: {} minutes of ordinary life", args.minutes);
    interrupt::sleep(Duration::from_secs(60 * args.minutes))?;
    let faults = trouble::faults(args.fault.as_deref());
    if args.trouble > 0 {
        eprintln!("xtask: {} minutes of trouble", args.trouble);
        for fault in &faults {
            alive.push((String::new(), cage.start(&fault.group(), fault.line)?));
        }
        interrupt::sleep(Duration::from_secs(60 * args.trouble))?;
        report.faults = faults;
    }
    for (name, child) in &mut alive {
        if !name.is_empty() && child.try_wait()?.is_some() {
            report.failures.push(format!("{name} ended by itself"));
        }
    }
    let record = watch.finish()?;
    report.judge(&record, |group| cage.marked(group));
    drop(cage);
    for (_, mut child) in alive {
        child.wait()?;
    }
    Ok(report)
}

/// Starts services, waits until all listen, and starts the clients.
fn live(cage: &Cage, report: &mut Report) -> Result<Vec<(String, Child)>> {
    let mut alive = Vec::new();
    for service in life::services() {
        alive.push((
            service.name.to_owned(),
            cage.start(service.name, service.line)?,
        ));
    }
    let end = Instant::now() + READY;
    loop {
        let open = listening(&cage.output("keeper", "ss -Hltn")?);
        let closed =
            life::services().filter(|one| one.ports.iter().any(|port| !open.contains(port)));
        let closed: Vec<&str> = closed.map(|one| one.name).collect();
        if closed.is_empty() {
            break;
        }
        if Instant::now() > end {
            let dead = closed.iter().map(|name| format!("{name} does not listen"));
            report.failures.extend(dead);
            break;
        }
        interrupt::sleep(Duration::from_millis(500))?;
    }
    for client in life::CLIENTS {
        alive.push((
            client.name.to_owned(),
            cage.start(client.name, client.line)?,
        ));
    }
    Ok(alive)
}

/// Ports in the output of `ss -Hltn`.
fn listening(ss: &str) -> BTreeSet<u16> {
    let local = ss.lines().filter_map(|line| line.split_whitespace().nth(3));
    local
        .filter_map(|one| one.rsplit_once(':')?.1.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_ports_are_read_from_both_families() {
        let ss = "LISTEN 0 128 127.0.0.1:8001 0.0.0.0:*\nLISTEN 0 128 [::]:2379 [::]:*\n";
        assert_eq!(listening(ss), [8001, 2379].into());
    }
}
