//! How the program ends: exit codes and the two lines of an error.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::config;

/// Exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// It failed.
    Failed = 1,
    /// Wrong arguments or configuration.
    Usage = 2,
    /// The user may not.
    NotPermitted = 3,
    /// The kernel lacks what is needed.
    KernelLacks = 4,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why the program ends without having done its work.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: Code,
    /// One line: what.
    pub what: String,
    /// One line: what to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// It failed.
    pub fn new(code: Code, what: impl fmt::Display, help: impl Into<String>) -> Self {
        Self {
            code,
            what: what.to_string(),
            help: Some(help.into()),
        }
    }

    /// The two lines as they go to standard error.
    pub fn lines(&self) -> String {
        let help = self.help.iter().map(|help| format!("  help: {help}\n"));
        format!("finback: {}\n{}", self.what, help.collect::<String>())
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::new(Code::Usage, &error, error.help())
    }
}

/// Of a read or write that is nobody's fault here.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            code: Code::Failed,
            what: error.to_string(),
            help: None,
        }
    }
}

/// Writes to standard output; a reader that has gone is no failure.
pub(super) fn quietly(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
