//! The history as the configuration wants it.

use std::sync::Arc;

use super::error::{Error, failed};
use crate::config;
use crate::history::{Keeper, Place, SLOW};
use crate::output::feed::{Format, Handle, Tune};

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
    let tune = Tune {
        format: Format::Json,
        select: wanted.select,
        filter: wanted.filter.clone().map(Arc::new),
    };
    let subscription = feed.tune_in(tune, SLOW);
    let keeper = subscription.map(|subscription| Keeper::spawn(place, subscription));
    keeper.transpose().map_err(failed("start a thread"))
}
