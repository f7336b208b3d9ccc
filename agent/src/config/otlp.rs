//! `[otlp]`: an OpenTelemetry collector that is told.

use std::path::PathBuf;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::field::{absolute, switch, time};
use super::wrong::{Key, Value, Wrong};
use crate::export::http::{Endpoint, Identity, TlsFiles, headers};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);

/// A request that takes longer holds up what waits behind it.
const TIMEOUT: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_mins(2);

/// Metrics that are gathered more often cost what they measure.
const INTERVAL: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(5)..=Duration::from_hours(1);

/// The collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// Its base: paths of the protocol are added.
    pub endpoint: Endpoint,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// More of them, one a line, for nobody else to read.
    pub headers_file: Option<PathBuf>,
    /// Of `https`.
    pub tls: TlsFiles,
    /// For a request.
    pub timeout: Duration,
    /// Between two times that metrics are sent; `None` if they are not.
    pub metrics: Option<Duration>,
}

/// What a file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtlpWords {
    endpoint: Option<Endpoint>,
    headers: Vec<(HeaderName, HeaderValue)>,
    headers_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    identity: Option<Identity>,
    timeout: Option<Duration>,
    metrics: Option<bool>,
    interval: Option<Duration>,
}

impl OtlpWords {
    /// Whether all that has a default is said.
    #[cfg(test)]
    pub(super) const fn has_all_defaults(&self) -> bool {
        let Self {
            timeout,
            metrics,
            interval,
            ..
        } = self;
        timeout.is_some() && metrics.is_some() && interval.is_some()
    }

    /// Without an endpoint nobody is told.
    pub(super) fn join(self, flag: Option<Endpoint>) -> Option<Otlp> {
        let interval = self.interval.unwrap_or(DEFAULT_INTERVAL);
        Some(Otlp {
            endpoint: flag.or(self.endpoint)?,
            headers: self.headers,
            headers_file: self.headers_file,
            tls: TlsFiles {
                ca: self.ca_file,
                identity: self.identity,
            },
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            metrics: self.metrics.unwrap_or(true).then_some(interval),
        })
    }
}

/// An endpoint of `--otlp` or of the file.
pub fn collector(text: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint = text.parse()?;
    for added in ["/v1/logs", "/v1/metrics", "/v1/traces"] {
        if endpoint.ends_with(added) {
            return Err(format!(
                "leave out {added}: the paths of the protocol are added"
            ));
        }
    }
    Ok(endpoint)
}

const KEYS: &[&str] = &[
    "ca_file",
    "cert_file",
    "endpoint",
    "headers",
    "headers_file",
    "interval",
    "key_file",
    "metrics",
    "timeout",
];

/// The section.
pub(super) fn words(key: &Key<'_>, value: &Value<'_>) -> Result<OtlpWords, Wrong> {
    let table = value.get_ref().as_table();
    let table = table.ok_or_else(|| {
        let help = "use a section [otlp] with one line per setting";
        Wrong::value(key, value, help)
    })?;
    let mut words = OtlpWords::default();
    let (mut certificate, mut secret) = (None, None);
    for (name, value) in table {
        let file = |example| absolute(name, value, example);
        match &**name.get_ref() {
            "ca_file" => words.ca_file = Some(file("/etc/finback/ca.pem")?),
            "cert_file" => certificate = Some(file("/etc/finback/cert.pem")?),
            "endpoint" => words.endpoint = Some(endpoint(name, value)?),
            "headers" => words.headers = all_headers(name, value)?,
            "headers_file" => words.headers_file = Some(file("/etc/finback/otlp.headers")?),
            "interval" => words.interval = Some(within(name, value, INTERVAL, "5s to 1h")?),
            "key_file" => secret = Some(file("/etc/finback/key.pem")?),
            "metrics" => words.metrics = Some(switch(name, value)?),
            "timeout" => words.timeout = Some(within(name, value, TIMEOUT, "100ms to 2m")?),
            _ => return Err(Wrong::unknown(name, "setting", KEYS.iter().copied())),
        }
    }
    words.identity = match (certificate, secret) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => {
            let help = "name both cert_file and key_file, or none of them";
            return Err(Wrong::value(key, value, help));
        }
    };
    Ok(words)
}

fn endpoint(key: &Key<'_>, value: &Value<'_>) -> Result<Endpoint, Wrong> {
    let text = value.get_ref().as_str().unwrap_or_default();
    collector(text).map_err(|help| Wrong::value(key, value, help))
}

fn all_headers(key: &Key<'_>, value: &Value<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, Wrong> {
    let table = value.get_ref().as_table();
    let table = table.ok_or_else(|| {
        let help = "write them as headers = { \"x-tenant\" = \"shop\" }";
        Wrong::value(key, value, help)
    })?;
    // Wrong of the table as a whole: a value of its own would be shown, and may be a secret.
    let wrong = |help: String| Wrong::value(key, value, help);
    let header = |(name, text): (&Key<'_>, &Value<'_>)| {
        let text = text.get_ref().as_str();
        let text = text.ok_or_else(|| wrong(format!("use a string for {}", name.get_ref())))?;
        headers::parse(name.get_ref(), text).map_err(wrong)
    };
    table.iter().map(header).collect()
}

fn within(
    key: &Key<'_>,
    value: &Value<'_>,
    range: std::ops::RangeInclusive<Duration>,
    words: &str,
) -> Result<Duration, Wrong> {
    let found = time(key, value)?;
    let fits = range.contains(&found);
    fits.then_some(found)
        .ok_or_else(|| Wrong::value(key, value, format!("use a time from {words}")))
}
