//! Settings for a control group.

use anyhow::{Result, ensure};

use crate::cgroup::Group;
use crate::daemon::Daemon;
use crate::proof::Leak;
use crate::traffic::Pair;
use crate::trial::skip;
use crate::watch::Watch;
use crate::wire::Severity;

/// What is set for a group counts for a process in it, and for no other.
pub(crate) fn of_its_own() -> Result<()> {
    let Some(group) = Group::new()? else {
        return skip("no cgroup2 file system is mounted");
    };
    let config = format!(
        "[thresholds]\neof_unread = \"1s\"\n[[override]]\ncgroup = \"/{}\"\n\
         severities = {{ eof_unread = \"critical\" }}\n",
        group.name()
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
