//! A page as it is shown.

use crate::output::json::{Event, Explanation};

/// A page as it is shown.
#[derive(Debug)]
pub(super) struct Shown<'e> {
    pub(super) event: &'e Event<'e>,
    pub(super) page: &'e Explanation<'e>,
}
