//! Incidents by HTTP, to one receiver: each line as a document, signed, or as alerts for Alertmanager.

mod alert;
mod alerts;
mod document;
mod error;
mod post;
mod secret;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use self::alerts::{Alerts, BELIEVED};
use self::document::Documents;
use self::post::{Alertmanager, Receiver, Webhook};
use self::secret::Secret;
use super::http::{Client, Endpoint, Options};
use super::{Job, Limits, Threshold};
use crate::output::feed::Subscription;
use finback_core::model::finding::Severity;

pub use self::error::Error;

/// What is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines.
    Finback,
    /// Alerts.
    Alertmanager,
}

/// What is told, and to whom.
#[derive(Debug)]
pub struct Settings {
    /// Where to.
    pub endpoint: Endpoint,
    /// What.
    pub format: Format,
    /// Makes signatures.
    pub secret_file: Option<PathBuf>,
    /// From this severity on.
    pub severity: Severity,
    /// An answer is waited for so long.
    pub timeout: Duration,
    /// Where the documents of finback can be read.
    pub docs: String,
}

/// The exporter, to be begun with a subscription to incidents.
pub fn job(settings: Settings, subscription: Subscription) -> Result<Job, Error> {
    let secret = settings.secret_file.as_deref().map(Secret::read);
    let options = Options {
        timeout: settings.timeout,
        connect_timeout: settings.timeout.min(Duration::from_secs(5)),
        ..Options::default()
    };
    let client = Client::new(settings.endpoint, options);
    let receiver = Receiver::new(client, secret.transpose()?);
    let threshold = Threshold::new(settings.severity);
    Ok(match settings.format {
        Format::Finback => Job::new(
            "webhook",
            subscription,
            Limits::default(),
            Documents::new(threshold),
            Webhook(receiver),
        ),
        Format::Alertmanager => Job::new(
            "webhook",
            subscription,
            Limits {
                batch: 64,
                patience: BELIEVED,
                ..Limits::default()
            },
            Alerts::new(threshold, settings.docs),
            Alertmanager(receiver),
        ),
    })
}
