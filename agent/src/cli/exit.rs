//! How the program ends: exit codes and the two lines of an error.

use std::fmt;
use std::io;
use std::process::ExitCode;

use finback_common::hook::Signal;

use crate::config;
use crate::filter;
use crate::kernel::{ErrorKind, KernelError};

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
    /// It looked for something and found it.
    Found = 10,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// How a command ends that has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done.
    Done,
    /// It has found what it looked for.
    Found,
}

impl From<()> for End {
    fn from((): ()) -> Self {
        Self::Done
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Done => Self::SUCCESS,
            End::Found => Code::Found.into(),
        }
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

/// With the filter and a caret under what is wrong.
impl From<filter::Error> for Failure {
    fn from(error: filter::Error) -> Self {
        let picture = error.picture().replace('\n', "\n    ");
        Self::new(
            Code::Usage,
            format_args!("{error}\n    {picture}"),
            error.help(),
        )
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        let code = match error.kind() {
            ErrorKind::NotPermitted => Code::NotPermitted,
            ErrorKind::KernelLacks => Code::KernelLacks,
            ErrorKind::Other => Code::Failed,
        };
        let chain = chain(&error);
        // The messages about permissions end with what to do, after a semicolon.
        match chain.rsplit_once("; ") {
            Some((what, help)) if code == Code::NotPermitted => Self::new(code, what, help),
            _ => Self::new(code, &chain, remedy(&error)),
        }
    }
}

fn remedy(error: &KernelError) -> &'static str {
    if let KernelError::NoSignal {
        signal: Signal::State,
        ..
    } = error
    {
        return "try --attach auto: without this signal nothing is seen";
    }
    match error.kind() {
        ErrorKind::KernelLacks => {
            "use Linux 5.10 or later with CONFIG_DEBUG_INFO_BTF=y, as distributions build it"
        }
        ErrorKind::NotPermitted => "run as root",
        ErrorKind::Other => {
            "`finback doctor` shows what this kernel offers, FINBACK_LOG=debug says more"
        }
    }
}

/// The error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text.replace('\n', " ")
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
