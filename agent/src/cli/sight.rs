//! One look, without a daemon.

use std::collections::BTreeSet;

use super::exit::Failure;
use super::runtime::runtime;
use crate::config::{Config, Flags};
use crate::daemon;
use crate::kernel::Kernel;
use crate::kernel::netns::guard;
use crate::output::clock::WallClock;
use crate::output::json::Sight;

/// Looks at every socket of this host; with `unheld` also at those that no descriptor refers to.
pub(super) fn sight(unheld: bool) -> Result<Sight, Failure> {
    let config = Config::load(None, Flags::default())?;
    let _runtime = runtime()?;
    let mut kernel = Kernel::load(&daemon::kernel_options(&config, 0))?;
    let looker = kernel.looker();
    let mut looker =
        looker.ok_or_else(|| std::io::Error::other("there is nothing to look with"))?;
    let snapshot = looker.look(unheld)?;
    let namespaces = snapshot.sockets.iter().map(|view| view.endpoints.netns);
    let namespaces: Vec<u32> = namespaces.collect::<BTreeSet<_>>().into_iter().collect();
    Ok(Sight {
        defaults: guard::list(&namespaces)?,
        snapshot,
        clock: WallClock::measure(),
    })
}
