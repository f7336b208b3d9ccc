//! What somebody wants recorded.

use std::fs::File;
use std::sync::Arc;

use super::progress::Progress;
use crate::output::select::Selection;

/// What is to be recorded, and where.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty as yet.
    pub file: Arc<File>,
    /// It ends before it is larger than that.
    pub max_bytes: u64,
    /// What is to be asked of the kernel, and so can be told again.
    pub select: Selection,
    /// Says how far it is.
    pub progress: Arc<Progress>,
}
