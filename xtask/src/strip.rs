//! Copies of programs without what only debuggers read: six sevenths of a development build.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

/// Makes the copy, with this `strip` and its option for what is left out; the program itself where there is no `strip`.
///
/// # Errors
/// It fails.
pub(crate) fn stripped(strip: &str, how: &str, binary: &Path, copy: &Path) -> Result<PathBuf> {
    let Some(strip) = process::find(strip) else {
        return Ok(binary.to_owned());
    };
    let mut command = Command::new(strip);
    process::output(command.args([how, "-o"]).arg(copy).arg(binary))?;
    Ok(copy.to_owned())
}
