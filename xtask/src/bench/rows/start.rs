//! From start to the first event.

use std::time::Duration;

use anyhow::Result;

use super::super::attached::{Attached, Rivals, Variant};
use super::super::report::{Report, Start};
use crate::interrupt;

const STARTS: usize = 9;
const LET_GO: Duration = Duration::from_millis(300);

/// Starts the daemon again and again.
///
/// # Errors
/// It does not start, or a signal came.
pub(crate) fn measure(rivals: &Rivals, report: &mut Report) -> Result<()> {
    eprintln!("xtask: {STARTS} starts");
    let mut first_event = Vec::new();
    for _ in 0..STARTS {
        let mut attached = rivals.attach(Variant::Transitions)?;
        if let Attached::Program(child) = &mut attached {
            child.wait_until(|child| child.first_output().is_some())?;
            first_event.extend(child.first_output().map(|span| span.as_secs_f64()));
        }
        drop(attached);
        interrupt::sleep(LET_GO)?;
    }
    report.start = Some(Start { first_event });
    Ok(())
}
