//! `finback run`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use finback_common::hook::Signal;

use super::doctor;
use super::exit::{Code, Failure};
use super::runtime;
use crate::config::{self, Attach, Config, Flags, RingBytes, StateSet};
use crate::daemon::{self, Plan};
use crate::kernel::{ErrorKind, Kernel, KernelError};
use crate::output::feed;
use crate::output::select::{Kind, Selection};
use crate::output::text::Style;
use crate::server;

/// Arguments of `finback run`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback run                                    findings, as text
  finback run --select connection                one line for each connection, at its end
  finback run --states all | jq -c .transition   every change of state, as JSON
  finback run --states close-wait --duration 1m  one minute of peers hanging up
  finback run --check                            can this kernel do it? what is attached?
  finback run --quiet                            serve subscribers only (see finback events): costs nothing until
                                                 somebody asks

The daemon needs CAP_BPF and CAP_PERFMON at least; root is simplest. Each line of JSON is described in
docs/events.md and by `finback generate schema`.")]
pub(super) struct Run {
    #[command(flatten)]
    kernel: KernelArgs,

    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = FormatArg::Auto, value_name = "FORMAT")]
    format: FormatArg,

    /// Write nothing to standard output
    #[arg(long, short, conflicts_with = "format")]
    quiet: bool,

    /// Which events: finding, transition, connection, separated by commas
    ///
    /// By default findings and transitions as JSON, findings as text (with --states transitions, too). What nobody has
    /// asked for is not looked for in the kernel either.
    #[arg(long, conflicts_with = "quiet", value_name = "KINDS")]
    select: Option<Selection>,

    /// Tell changes to these states [default: `established,close_wait,time_wait,closed`]
    ///
    /// Separated by commas, in any spelling: `close-wait`, `CLOSE_WAIT`, `close_wait`; or `all`.
    #[arg(long, value_parser = config::states, value_name = "STATES")]
    states: Option<StateSet>,

    /// End after so long, for example 500ms, 10s or 2m
    #[arg(long, value_parser = config::duration, value_name = "TIME")]
    duration: Option<Duration>,

    /// Listen on this Unix socket [default: /run/finback/finback.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Load and prove every program, print the table of `finback doctor`, and leave
    #[arg(long)]
    check: bool,
}

/// What concerns the kernel side; `finback doctor` takes it too.
#[derive(Args, Debug)]
pub(super) struct KernelArgs {
    /// Read this file instead of /etc/finback/finback.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How to attach: auto takes for each signal the cheapest way that works
    ///
    /// auto, kprobe, fentry or tracepoint. The last three force one way; signals that it cannot give are missing
    /// then.
    #[arg(long, value_name = "FLAVOUR")]
    attach: Option<Attach>,

    /// Size of the ring buffer between kernel and daemon, a power of two [default: 8MiB]
    #[arg(long, value_name = "BYTES")]
    ring_bytes: Option<RingBytes>,

    /// Sockets to follow at most [default: 131072]
    #[arg(long, value_parser = config::max_sockets, value_name = "NUMBER")]
    max_sockets: Option<u32>,

    /// Do not look at segments: the only signal with a cost per packet
    #[arg(long)]
    no_segment: bool,

    /// Take the user stack when a socket is opened, and those of the holders' threads for a finding
    ///
    /// Findings then say with function, file and line where the connection was made and where its process is now.
    #[arg(long)]
    stacks: bool,

    /// Level of the kernel programs' own log, which goes to standard error
    #[arg(long, value_enum, default_value_t = LogLevel::Off, value_name = "LEVEL")]
    pub(super) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// NDJSON: one object per line
    Json,
    /// Aligned text
    Text,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl FormatArg {
    pub(super) fn resolve(self) -> feed::Format {
        match self {
            Self::Json => feed::Format::Json,
            Self::Text => feed::Format::Text(style()),
            Self::Auto if io::stdout().is_terminal() => feed::Format::Text(style()),
            Self::Auto => feed::Format::Json,
        }
    }
}

/// Colours on a terminal that has them, unless `NO_COLOR` is set to anything (no-color.org).
fn style() -> Style {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Style {
        color: io::stdout().is_terminal() && !unwanted && !dumb,
    }
}

impl KernelArgs {
    fn flags(&self) -> Flags {
        Flags {
            attach: self.attach,
            ring_bytes: self.ring_bytes,
            max_sockets: self.max_sockets,
            no_segment: self.no_segment,
            stacks: self.stacks,
            ..Flags::default()
        }
    }

    /// The configuration as far as the kernel side is concerned.
    pub(super) fn resolve(&self) -> Result<Config, Failure> {
        Ok(Config::load(self.config.as_deref(), self.flags())?)
    }
}

impl Run {
    /// What goes to standard output, and how.
    fn output(&self) -> (feed::Format, Selection) {
        let format = self.format.resolve();
        let usual = match format {
            feed::Format::Text(_) if self.states.is_none() => Selection::of([Kind::Finding]),
            feed::Format::Json | feed::Format::Text(_) => Selection::stream(),
        };
        (format, self.select.unwrap_or(usual))
    }

    pub(super) fn run(&self) -> Result<(), Failure> {
        let flags = Flags {
            states: self.states,
            socket: self.socket.clone(),
            ..self.kernel.flags()
        };
        let config = Config::load(self.kernel.config.as_deref(), flags)?;
        let log_level = self.kernel.log_level as u8;
        if self.check {
            return check(&config, log_level);
        }
        let plan = Plan {
            config,
            output: (!self.quiet).then(|| self.output()),
            duration: self.duration,
            log_level,
        };
        Ok(runtime()?.block_on(daemon::run(plan))?)
    }
}

fn check(config: &Config, log_level: u8) -> Result<(), Failure> {
    let _runtime = runtime()?;
    let kernel = Kernel::load(&daemon::kernel_options(config, log_level))?;
    doctor::print_table(kernel.report())
}

impl From<daemon::Error> for Failure {
    fn from(error: daemon::Error) -> Self {
        match error {
            daemon::Error::Kernel(error) => error.into(),
            daemon::Error::Listen(error) => error.into(),
            daemon::Error::Output(_) | daemon::Error::Io { .. } => Self {
                code: Code::Failed,
                what: error.to_string(),
                help: None,
            },
        }
    }
}

impl From<server::Error> for Failure {
    fn from(error: server::Error) -> Self {
        let (code, help) = match &error {
            server::Error::Running(_) => (
                Code::Failed,
                "watch that one with `finback events`, or give this one another socket with --socket",
            ),
            server::Error::NotASocket(_) => (Code::Failed, "give another path with --socket"),
            server::Error::Io { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                (
                    Code::NotPermitted,
                    "run as root, or give a path you may write to with --socket",
                )
            }
            server::Error::Io { .. } => (Code::Failed, "give another path with --socket"),
        };
        Self::new(code, &error, help)
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
