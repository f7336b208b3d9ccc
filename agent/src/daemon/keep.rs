//! The history as the configuration wants it.

use super::error::{Error, failed};
use crate::config;
use crate::history::{Keeper, Place, SLOW};
use crate::output::feed::{Format, Handle};

/// Begins to keep what the feed tells from now on.
pub(super) fn history(
    wanted: Option<&config::History>,
    feed: &Handle,
) -> Result<Option<Keeper>, Error> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let place = Place {
        path: wanted.path.clone(),
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age,
    };
    let subscription = feed.subscribe(Format::Json, wanted.select, SLOW);
    let keeper = subscription.map(|subscription| Keeper::spawn(place, subscription));
    keeper.transpose().map_err(failed("start a thread"))
}
