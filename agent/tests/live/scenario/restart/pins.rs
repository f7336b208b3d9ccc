//! Which pins go, and which are believed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::leak::{Leak, listener};
use super::stage::{Stage, finback};
use crate::daemon::Daemon;

/// What its pins say, or a word of it.
fn notes(stage: &Stage) -> Result<String> {
    Ok(stage.status()?["pins"]["notes"].to_string())
}

/// Whether nothing is left in a folder.
fn is_gone(path: &Path) -> bool {
    matches!(fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// Ctrl-C is for good; SIGTERM is not, and `unpin` is what makes it so.
pub(crate) fn pins_go_when_they_should() -> Result<()> {
    let stage = Stage::new()?;
    let folder = stage.folder();
    let path = folder.to_str().context("no text")?;
    let daemon = stage.start()?;
    let (code, said) = finback(&["unpin", path])?;
    ensure!(
        code == Some(1) && said.contains("used by another finback"),
        "{said}"
    );
    daemon.stop()?;
    ensure!(!is_gone(&stage.version()), "SIGTERM has removed the pins");
    let (code, said) = finback(&["status", "--pins", path, "--socket", "/nowhere"])?;
    ensure!(
        code == Some(0) && said.contains("HALF") && said.contains("not in use"),
        "{said}"
    );
    let (code, said) = finback(&["unpin", "--dry-run", path])?;
    ensure!(code == Some(0) && said.contains("would detach"), "{said}");
    ensure!(!is_gone(&stage.version()), "a dry run has removed pins");
    let (code, said) = finback(&["unpin", path])?;
    ensure!(code == Some(0) && said.contains("freed 2 tables"), "{said}");
    ensure!(is_gone(&folder), "the folder is left");
    let (code, said) = finback(&["unpin", path])?;
    ensure!(
        code == Some(0) && said.contains("nothing is pinned"),
        "{said}"
    );

    let daemon = stage.start()?;
    ensure!(!is_gone(&folder), "nothing was pinned");
    daemon.stop_by(Signal::INT)?;
    ensure!(is_gone(&folder), "Ctrl-C has left pins");
    let state = stage.dir.path().join("finback.sock.state");
    ensure!(
        is_gone(&state),
        "Ctrl-C has left what the next daemon is to know"
    );
    Ok(())
}

/// Nothing that others may have put there, nothing damaged, nothing of another version.
pub(crate) fn pins_are_not_believed() -> Result<()> {
    let stage = Stage::new()?;
    let leak = Leak::of_server(&listener()?)?;
    let own = stage.version();
    let run = |word: &str| -> Result<()> {
        let daemon = stage.start()?;
        let notes = notes(&stage)?;
        ensure!(notes.contains(word), "{word}: {notes}");
        daemon.wait_for(0, "the leak", |event| {
            leak.is_of(event) && event.finding.is_some()
        })?;
        daemon.stop().map(drop)
    };
    run("[]")?;
    // A table that is another one.
    fs::rename(own.join("OPENERS"), own.join("HALF"))?;
    run("HALF is begun anew: value_size is 96, not 64")?;
    // A program that keeps up the tables was not attached all the time.
    fs::remove_file(own.join("tp_tcp_destroy_sock"))?;
    run("the tables of an earlier finback are begun anew")?;
    // What nobody knows is left where it is.
    fs::rename(own.join("tp_tcp_receive_reset"), own.join("OPENERS2"))?;
    run("the tables of an earlier finback are begun anew")?;
    let foreign = own.join("OPENERS2");
    if !is_gone(&foreign) {
        fs::remove_file(foreign)?;
    }
    // Another version.
    let other = stage.folder().join("v2");
    fs::rename(&own, &other)?;
    run("is of another version of finback")?;
    ensure!(is_gone(&other), "its pins are left");
    // Places that no program has written.
    let whole = is_whole(&stage)?;
    damage(&own.join("HALF"))?;
    run(if whole {
        "1 places of the table of half-closed sockets were damaged"
    } else {
        "the tables of an earlier finback are begun anew"
    })?;
    // Others' folders.
    let folder = stage.folder();
    std::os::unix::fs::chown(&folder, Some(65_534), None)?;
    let reason = refusal(&stage)?;
    ensure!(reason.contains("belongs to user 65534"), "{reason}");
    std::os::unix::fs::chown(&folder, Some(0), None)?;
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
    let reason = refusal(&stage)?;
    ensure!(reason.contains("can be written to by others"), "{reason}");
    Ok(())
}

/// Whether this kernel lets every program be pinned: before Linux 5.15 kprobes cannot be.
fn is_whole(stage: &Stage) -> Result<bool> {
    let daemon = stage.start()?;
    let left_out = stage.status()?["pins"]["left_out"].clone();
    daemon.stop()?;
    Ok(left_out.as_array().is_some_and(Vec::is_empty))
}

/// Why nothing is pinned.
fn refusal(stage: &Stage) -> Result<String> {
    let daemon = stage.start()?;
    let pins = stage.status()?["pins"].clone();
    ensure!(pins["folder"].is_null(), "{pins}");
    daemon.stop()?;
    Ok(pins["reason"].as_str().context("no reason")?.to_owned())
}

/// Writes a socket where it cannot be.
fn damage(path: &Path) -> Result<()> {
    use aya::maps::{Array, Map, MapData};
    let table = Map::Array(MapData::from_pin(path)?);
    let mut table: Array<MapData, [u8; 64]> = table.try_into()?;
    let mut place = [0_u8; 64];
    place[..8].copy_from_slice(&0xffff_8880_1234_5000_u64.to_ne_bytes());
    let first =
        finback_common::place::index(0xffff_8880_1234_5000, finback_common::place::HALF_PLACES);
    Ok(table.set((first + 7) % finback_common::place::HALF_PLACES, place, 0)?)
}

/// The second one watches, and pins nothing.
pub(crate) fn two_daemons_share_no_pins() -> Result<()> {
    let stage = Stage::new()?;
    let first = stage.start()?;
    let other = Stage::new()?;
    let folder = stage.folder();
    let folder = folder.to_str().context("no text")?;
    let second = Daemon::start_in(Arc::clone(&other.dir), &["--pins", folder])?;
    let pins = other.status()?["pins"].clone();
    let reason = pins["reason"].as_str().unwrap_or_default();
    ensure!(reason.contains("used by another finback"), "{pins}");
    second.stop()?;
    ensure!(
        !is_gone(&stage.version()),
        "it has removed the first one's pins"
    );
    first.stop().map(drop)
}
