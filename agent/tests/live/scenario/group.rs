//! Settings for a control group.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::daemon::Daemon;
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::Watch;
use crate::wire::Severity;

/// A group that lives as long as the test.
struct Group {
    directory: PathBuf,
    name: String,
}

impl Group {
    /// `None` if version 2 is not mounted here.
    fn new() -> Result<Option<Self>> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let point = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            let point = words.nth(1)?;
            (words.next() == Some("cgroup2")).then(|| point.to_owned())
        });
        let Some(point) = point else { return Ok(None) };
        let name = format!("finback-live-{}", std::process::id());
        let directory = Path::new(&point).join(&name);
        fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
        Ok(Some(Self { directory, name }))
    }

    fn add(&self, pid: u32) -> Result<()> {
        Ok(fs::write(
            self.directory.join("cgroup.procs"),
            pid.to_string(),
        )?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has not ended yet keeps it; there is nobody left to tell.
        drop(fs::remove_dir(&self.directory));
    }
}

/// What is set for a group counts for a process in it, and for no other.
pub(crate) fn of_its_own() -> Result<()> {
    let Some(group) = Group::new()? else {
        return skip("no cgroup2 file system is mounted");
    };
    let config = format!(
        "[thresholds]\neof_unread = \"1s\"\n[[override]]\ncgroup = \"/{}\"\n\
         severities = {{ eof_unread = \"critical\" }}\n",
        group.name
    );
    let daemon = Daemon::start_with(&config, &[])?;
    let mut watch = Watch::new(&daemon);
    for (inside, severity) in [(true, Severity::Critical), (false, Severity::Info)] {
        let pair = Pair::new("never_reads", "127.0.0.1")?;
        let conn = pair.server.did("accepted")?;
        if inside {
            group.add(conn.pid)?;
        }
        let ends = pair.ends()?;
        drop(pair.client);
        let (event, finding) = watch.opened(ends)?;
        ensure!(event.pid() == Some(conn.pid), "process {:?}", event.pid());
        ensure!(
            finding.severity == severity,
            "{:?} inside: {inside}, {:?}",
            finding.severity,
            Leak::of_server(&watch, &conn)
        );
        pair.server.end()?;
        watch.resolved(&finding)?;
    }
    daemon.stop()?;
    Ok(())
}
