//! Findings that name nobody, and findings that must not come.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::proof::check_confidence;
use crate::watch::{Ends, Watch};
use crate::wire::{Event, Finding};

/// Waits for a finding with these holders, which lacks exactly `missing`.
pub(super) fn flagged(
    watch: &mut Watch<'_>,
    ends: Ends,
    verdicts: &[&str],
    missing: &[&str],
    holders: &[(u32, u32)],
) -> Result<(Event, Finding)> {
    let (event, finding) = watch.opened(ends)?;
    let check = || {
        ensure!(
            verdicts.contains(&finding.verdict.as_str()),
            "verdict {}, not {verdicts:?}",
            finding.verdict
        );
        check_confidence(&finding, missing)?;
        let named: Vec<_> = finding.holders.iter().map(|h| (h.pid, h.fd)).collect();
        ensure!(named == holders, "holders {named:?}, not {holders:?}");
        Ok(())
    };
    check().with_context(|| format!("finding: {finding:?}"))?;
    Ok((event, finding))
}

/// Fails if a connection whose peer has hung up is flagged. How long to wait is told by another one, which begins to
/// leak only now and is flagged after the longest threshold that the tests have.
pub(super) fn stays_silent(watch: &mut Watch<'_>, ends: Ends) -> Result<()> {
    use std::io::Read as _;

    // What the test itself has ended just before would pass for the other half of a relay.
    thread::sleep(Duration::from_millis(100));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (mut kept, peer) = listener.accept()?;
    drop(client);
    kept.read_to_end(&mut Vec::new())?;
    let witness = Ends::new(listener.local_addr()?.port(), peer.port());
    let opened = watch
        .opened(witness)
        .context("the witness is not flagged")?;
    // Looks that fall due together are made together, but the other one's may just have been made.
    thread::sleep(Duration::from_millis(300));
    let said = watch.select(|event| ends.is_of(event) && event.finding.is_some());
    ensure!(said.is_empty(), "flagged: {}", crate::daemon::lines(&said));
    drop(kept);
    watch.expect_end(&opened, &["closed_by_app"])
}
