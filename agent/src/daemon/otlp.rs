//! The collector that the configuration wants to be told.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::error::Error;
use crate::config::{self, Config};
use crate::export::http::{Client, Options, headers};
use crate::export::otlp::{Collector, Host, Logs, Metrics};
use crate::export::{Job, Limits, SLOW};
use crate::metrics::Request;
use crate::metrics::family::Family;
use crate::output::feed::{Format, Handle};
use crate::output::select::{Kind, Selection};
use crate::server::Query;

/// What is to be begun; nothing without a collector.
pub(super) fn jobs(
    config: &Config,
    feed: &Handle,
    queries: &Sender<Query>,
) -> Result<Vec<Job>, Error> {
    let Some(wanted) = &config.otlp else {
        return Ok(Vec::new());
    };
    let hello = feed.hello();
    let host = Host::new(&hello.host, &hello.boot_id, &config.host_root);
    let host = Arc::new(host);
    let options = options(wanted)?;
    let client = || Client::new(wanted.endpoint.clone(), options.clone());
    // Neither needs the stream of transitions: nobody's connection costs more because of it.
    let select = Selection::of([Kind::Incident, Kind::Finding]);
    let logs = feed.subscribe(Format::Json, select, SLOW);
    let logs = logs.map(|subscription| {
        let collector = Collector::new(client(), Arc::clone(&host));
        let packer = Logs::new(Arc::clone(&host));
        Job::new("otlp", subscription, Logs::limits(), packer, collector)
    });
    // Lines call for nothing here: time does.
    let ticks = wanted.metrics.and_then(|interval| {
        let subscription = feed.subscribe(Format::Json, Selection::NONE, SLOW)?;
        Some((interval, subscription))
    });
    let metrics = ticks.map(|(interval, subscription)| {
        let collector = Collector::new(client(), Arc::clone(&host));
        let queries = queries.clone();
        let packer = Metrics::new(move || gather(queries.clone()), interval, host);
        Job::new(
            "otlp_metrics",
            subscription,
            Limits::default(),
            packer,
            collector,
        )
    });
    Ok(logs.into_iter().chain(metrics).collect())
}

/// All metrics as they are now, from whoever has them: the daemon's own task.
async fn gather(queries: Sender<Query>) -> Option<Vec<Family>> {
    let (answer, answered) = oneshot::channel();
    let request = Request {
        lifetimes: false,
        answer,
    };
    queries.try_send(Query::Metrics(request)).ok()?;
    answered.await.ok()
}

fn options(wanted: &config::Otlp) -> Result<Options, Error> {
    let mut all = wanted.headers.clone();
    if let Some(file) = &wanted.headers_file {
        all.extend(headers::read(file).map_err(Error::Otlp)?);
    }
    Ok(Options {
        headers: all,
        tls: wanted.tls.clone(),
        timeout: wanted.timeout,
        ..Options::default()
    })
}
