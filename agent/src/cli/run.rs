//! `finback run`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::exit::{Code, Failure};
use super::format::FormatArg;
use super::hook_table;
use super::kernel_args::KernelArgs;
use super::runtime::runtime;
use super::stream_filter::StreamFilterArgs;
use crate::config::{
    self, Config, Flags, HistoryArg, MetricsListen, PinsArg, StateSet, WebhookFlags, WebhookFormat,
};
use crate::daemon::{self, Plan};
use crate::export::http::Endpoint;
use crate::export::webhook;
use crate::filter::Filter;
use crate::kernel::Kernel;
use crate::output::feed::{self, Tune};
use crate::output::select::{Kind, Selection};
use crate::remedy;
use crate::server;

/// Arguments of `finback run`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback run                                    incidents, as text; with -v findings, too
  finback run state close-wait sport = :443      only what concerns one service; see docs/filters.md
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

    /// Which events: incident, finding, transition, connection, remedy, separated by commas
    ///
    /// By default incidents, findings, transitions and remedies as JSON; incidents and remedies as text, with -v findings,
    /// with --states transitions, too. What nobody has asked for is not looked for in the kernel either.
    #[arg(long, conflicts_with = "quiet", value_name = "KINDS")]
    select: Option<Selection>,

    /// Text: also show each finding, with its proof
    #[arg(long, short, conflicts_with_all = ["quiet", "select"])]
    verbose: bool,

    /// Tell changes to these states [default: `established,close_wait,time_wait,closed`]
    ///
    /// Separated by commas, in any spelling: `close-wait`, `CLOSE_WAIT`, `close_wait`; or `all`.
    #[arg(long, value_parser = config::states, value_name = "STATES")]
    states: Option<StateSet>,

    #[command(flatten)]
    filter: StreamFilterArgs,

    /// End after so long, for example 500ms, 10s or 2m
    #[arg(long, value_parser = config::duration, value_name = "TIME")]
    duration: Option<Duration>,

    /// Listen on this Unix socket [default: /run/finback/finback.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Keep incidents and findings in this folder, or `off` [default: /var/lib/finback/history]
    #[arg(long, value_name = "PATH|off")]
    history: Option<HistoryArg>,

    /// Serve /metrics over TCP, too, to whoever can reach this address, or `off` [default: off]
    ///
    /// On the Unix socket metrics are always served. Nothing else is served here but /healthz and /readyz. Port 0 is one
    /// that the kernel chooses: the log names it.
    #[arg(long, value_name = "ADDR:PORT|off")]
    metrics_listen: Option<MetricsListen>,

    /// Post incidents to this URL, as docs/export.md describes
    #[arg(long, value_name = "URL")]
    webhook: Option<Endpoint>,

    /// What is posted: finback or alertmanager [default: finback]
    #[arg(long, value_name = "FORMAT")]
    webhook_format: Option<WebhookFormat>,

    /// Tell an OpenTelemetry collector of incidents, findings and metrics, for example `http://127.0.0.1:4318`
    #[arg(long, value_parser = config::collector, value_name = "URL")]
    otlp: Option<Endpoint>,

    /// Pin tables and attached programs, so that they outlive the daemon: auto, off, or a folder [default: auto]
    ///
    /// A daemon that is started again then has missed nothing (docs/reliability.md). auto is /sys/fs/bpf/finback for the
    /// daemon with the usual socket. SIGTERM and a crash leave the pins, Ctrl-C and --duration remove them, as does
    /// `finback unpin`.
    #[arg(long, value_name = "auto|off|DIR")]
    pins: Option<PinsArg>,

    /// Load and prove every program, print the table of `finback doctor`, and leave
    #[arg(long)]
    check: bool,
}

impl Run {
    /// What goes to standard output, and how.
    fn output(&self, filter: Option<Filter>) -> Tune {
        let format = self.format.resolve();
        let usual = || match format {
            feed::Format::Text(_) => self.as_text(),
            feed::Format::Json => Selection::stream(),
        };
        Tune {
            format,
            select: self.select.unwrap_or_else(usual),
            filter: filter.map(Arc::new),
        }
    }

    /// What people want to see.
    fn as_text(&self) -> Selection {
        let findings = self.verbose.then_some(Kind::Finding);
        let transitions = self.states.is_some().then_some(Kind::Transition);
        let all = [
            Some(Kind::Incident),
            Some(Kind::Remedy),
            findings,
            transitions,
        ];
        Selection::of(all.into_iter().flatten())
    }

    pub(super) fn run(&self) -> Result<(), Failure> {
        let flags = Flags {
            states: self.states,
            socket: self.socket.clone(),
            history: self.history.clone(),
            metrics_listen: self.metrics_listen,
            webhook: WebhookFlags {
                url: self.webhook.clone(),
                format: self.webhook_format,
            },
            otlp: self.otlp.clone(),
            pins: self.pins.clone(),
            ..self.kernel.flags()
        };
        let source = self.kernel.source(flags);
        let config = source.load()?;
        let filter = self.filter.filter(&config)?;
        let log_level = self.kernel.log_level as u8;
        if self.check {
            return check(&config, log_level);
        }
        let plan = Plan {
            config,
            source,
            output: (!self.quiet).then(|| self.output(filter)),
            record: None,
            duration: self.duration,
            log_level,
        };
        Ok(runtime()?.block_on(daemon::run(plan))?)
    }
}

fn check(config: &Config, log_level: u8) -> Result<(), Failure> {
    remedy::check(&config.remedies)?;
    let _runtime = runtime()?;
    let kernel = Kernel::load(&daemon::kernel_options(config, log_level))?;
    hook_table::print(kernel.report())
}

impl From<daemon::Error> for Failure {
    fn from(error: daemon::Error) -> Self {
        match error {
            daemon::Error::Kernel(error) => error.into(),
            daemon::Error::Listen(error) => error.into(),
            daemon::Error::Metrics { .. } => {
                let help = "give another address with --metrics-listen, or off";
                Self::new(Code::Failed, &error, help)
            }
            daemon::Error::Webhook(error) => Self::new(Code::Usage, &error, webhook::Error::HELP),
            daemon::Error::Remedy(error) => error.into(),
            daemon::Error::Otlp(_) | daemon::Error::Output(_) | daemon::Error::Io { .. } => Self {
                code: Code::Failed,
                what: error.to_string(),
                help: None,
            },
        }
    }
}

impl From<remedy::Unsafe> for Failure {
    fn from(error: remedy::Unsafe) -> Self {
        let help = "give the file and every folder above it to root alone, or leave the remedy out";
        Self::new(Code::Usage, error, help)
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
