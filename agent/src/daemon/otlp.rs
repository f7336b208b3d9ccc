//! The collector that the configuration wants to be told.

use std::sync::Arc;

use super::error::Error;
use crate::config::{self, Config};
use crate::export::http::{Client, Options, headers};
use crate::export::otlp::{Collector, Host, Logs, Metrics};
use crate::export::{Job, Limits, SLOW};
use crate::output::feed::{Format, Handle};
use crate::output::select::{Kind, Selection};
use crate::server::Queries;

/// What is to be begun; nothing without a collector.
pub(super) fn jobs(config: &Config, feed: &Handle, queries: &Queries) -> Result<Vec<Job>, Error> {
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
        let gather = move || {
            let queries = queries.clone();
            async move { queries.metrics(false).await }
        };
        let packer = Metrics::new(gather, interval, host);
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
