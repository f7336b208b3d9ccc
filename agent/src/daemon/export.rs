//! The exporters that the configuration wants.

use super::error::{Error, failed};
use super::otlp;
use crate::config::{self, Config};
use crate::export::{self, Exporters, Job, journal, webhook};
use crate::output::feed::{Format, Handle, Subscription};
use crate::output::select::{Kind, Selection};
use crate::server::Queries;

/// Begins to tell others what the feed tells from now on.
pub(super) fn exporters(
    config: &Config,
    feed: &Handle,
    queries: &Queries,
) -> Result<Option<Exporters>, Error> {
    let jobs = [journal(config, feed), webhook(config, feed)?];
    let mut jobs: Vec<Job> = jobs.into_iter().flatten().collect();
    jobs.extend(otlp::jobs(config, feed, queries)?);
    Exporters::spawn(jobs).map_err(failed("start a thread"))
}

/// Incidents never need the stream of transitions: nobody's connection costs more because of it.
fn incidents(feed: &Handle) -> Option<Subscription> {
    let select = Selection::of([Kind::Incident]);
    feed.subscribe(Format::Json, select, export::SLOW)
}

fn journal(config: &Config, feed: &Handle) -> Option<Job> {
    let wanted = config.journal?;
    let settings = journal::Settings {
        socket: journal::SOCKET.into(),
        severity: wanted.severity,
        docs: config.docs.clone(),
    };
    journal::job(settings, incidents(feed)?)
}

fn webhook(config: &Config, feed: &Handle) -> Result<Option<Job>, webhook::Error> {
    let Some(wanted) = &config.webhook else {
        return Ok(None);
    };
    let settings = webhook::Settings {
        endpoint: wanted.url.clone(),
        format: match wanted.format {
            config::WebhookFormat::Finback => webhook::Format::Finback,
            config::WebhookFormat::Alertmanager => webhook::Format::Alertmanager,
        },
        secret_file: wanted.secret_file.clone(),
        severity: wanted.severity,
        timeout: wanted.timeout,
        docs: config.docs.clone(),
    };
    let subscription = incidents(feed);
    let job = subscription.map(|subscription| webhook::job(settings, subscription));
    job.transpose()
}
