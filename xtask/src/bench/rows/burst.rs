//! As many records as the load can make, and how many of them are lost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::attached::{Rivals, Variant};
use super::super::load;
use super::super::network::{Kind, Network};
use super::super::report::{Burst, Report};
use crate::interrupt;

const SPAN: Duration = Duration::from_secs(5);
const DRAIN: Duration = Duration::from_secs(1);
/// Where the status counts what was lost.
const LOST: &str = "counters.ring_full";

/// Saturates both processors for five seconds while a reader takes transitions as JSON.
///
/// # Errors
/// The daemon or the load fails, or a signal came.
pub(crate) fn measure(rivals: &Rivals, report: &mut Report) -> Result<()> {
    eprintln!("xtask: a burst of records for {} s", SPAN.as_secs());
    let network = Network::open(Kind::Lo)?;
    let attached = rivals.attach(Variant::Transitions)?;
    let before = rivals.finback.status()?;
    let started = Instant::now();
    load::connections(&network, SPAN)?;
    let seconds = started.elapsed().as_secs_f64();
    interrupt::sleep(DRAIN)?;
    let after = rivals.finback.status()?;
    drop(attached);
    let read = after.rise(&before, "records");
    let read = read.context("the status tells no number of records")?;
    let lost = after.rise(&before, LOST).unwrap_or(0.0);
    report.burst = Some(Burst {
        seconds,
        records: read + lost,
        lost,
    });
    Ok(())
}
