//! SIGHUP: the configuration is read again while the daemon is at work.

use std::fs::File;

use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::error::{Error, failed};
use super::keep::Keepers;
use super::service::{self, notify};
use super::work::Work;
use crate::config::{self, Change, Config, Source};
use crate::output::clock::Time;
use crate::remedy;

/// SIGHUP. Of a daemon whose terminal is gone it is the end, as it is of any program.
pub(super) struct HangUp {
    signal: Signal,
    on_terminal: bool,
}

impl HangUp {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            signal: signal(SignalKind::hangup()).map_err(failed("listen for signals"))?,
            on_terminal: has_terminal(),
        })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether that was the terminal's end, and not a wish for another configuration.
    pub(super) fn is_the_end(&self) -> bool {
        self.on_terminal && !has_terminal()
    }
}

fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// The configuration in force, and where it came from.
pub(super) struct Configuration {
    source: Source,
    config: Config,
    keepers: Keepers,
    loaded: Time,
    reloads: u64,
    failures: u64,
    /// Why the file that was read last was not taken.
    error: Option<String>,
    /// Keys that wait for a restart.
    waiting: Vec<&'static str>,
}

impl Configuration {
    pub(super) fn begin(source: Source, config: Config, keepers: Keepers, work: &mut Work) -> Self {
        let own = Self {
            source,
            config,
            keepers,
            loaded: Time::now(),
            reloads: 0,
            failures: 0,
            error: None,
            waiting: Vec::new(),
        };
        work.configuration = own.status();
        own
    }

    /// Reads the file again and checks all of it. A wrong one changes nothing, and it is said why.
    pub(super) fn reload(&mut self, work: &mut Work) {
        begin();
        let done = self.read().and_then(|change| self.take_on(change, work));
        if let Err(error) = done {
            self.failures += 1;
            tracing::error!("{error}; the configuration from before stays in force");
            self.error = Some(error);
        }
        work.configuration = self.status();
        service::ready(&self.summary());
    }

    /// Ends what reads for the configuration's sake.
    pub(super) async fn end(self, deadline: Instant) {
        self.keepers.end(deadline).await;
    }

    fn read(&self) -> Result<Change, String> {
        let new = self.source.load().map_err(|error| said(&error))?;
        remedy::check(&new.remedies).map_err(|error| error.to_string())?;
        Ok(self.config.change(new))
    }

    fn take_on(&mut self, change: Change, work: &mut Work) -> Result<(), String> {
        let Change { config, waiting } = change;
        let exports = self.config.exports_otherwise(&config);
        let configured = self.keepers.configure(&config, exports, work);
        configured.map_err(|error| error.to_string())?;
        work.configure(&config);
        if !waiting.is_empty() {
            tracing::warn!(
                "the configuration was read again, but {} can change only with a restart and stays as it was",
                waiting.join(", ")
            );
        }
        tracing::info!("the configuration was read again");
        self.config = config;
        self.waiting = waiting;
        self.loaded = Time::now();
        self.reloads += 1;
        self.error = None;
        Ok(())
    }

    /// One line for the service manager.
    fn summary(&self) -> String {
        match &self.error {
            Some(error) => format!("The new configuration is not in force: {error}"),
            None if self.waiting.is_empty() => service::WATCHING.to_owned(),
            None => format!(
                "Watching; a restart would change {}",
                self.waiting.join(", ")
            ),
        }
    }

    /// For `/v1/status`.
    fn status(&self) -> Value {
        let file = self.source.path.as_deref();
        let file = file.unwrap_or_else(|| config::DEFAULT_FILE.as_ref());
        json!({
            "file": file.to_string_lossy(),
            "loaded": self.loaded,
            "reloads": self.reloads,
            "failures": self.failures,
            "error": self.error,
            "restart_needed": self.waiting,
        })
    }
}

/// What is wrong, and what to do about it.
fn said(error: &config::Error) -> String {
    format!("{error}: {}", error.help())
}

/// The service manager compares the time with that of its request.
fn begin() {
    use sd_notify::NotifyState;
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager cannot be told"),
    }
}
