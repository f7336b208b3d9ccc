//! A test that needs ClickHouse.

use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Completion, Failed, Trial};

use super::store::Store;

/// Skipped, with what is missing, where there is no ClickHouse.
pub(crate) fn trial(
    store: &Arc<Store>,
    name: &'static str,
    test: fn(&Store) -> Result<()>,
) -> Trial {
    let store = Arc::clone(store);
    Trial::ignorable_test(name, move || {
        if let Some(missing) = store.missing() {
            println!("skip: {name}: {missing}");
            return Ok(Completion::ignored_with(missing));
        }
        test(&store).map_err(|error| Failed::from(format!("{error:#}")))?;
        Ok(Completion::Completed)
    })
}
