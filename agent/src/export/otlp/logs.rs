//! Log records: what waits for a collector, and as a request.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;

use super::partial::Partial;
use super::record::record;
use super::resource::{Host, SCHEMA_URL, scope};
use crate::export::{Limits, Outbox, Packer, Parcel};
use crate::output::clock::Time;
use crate::output::json::Event;

/// Below the endpoint.
pub(super) const PATH: &str = "/v1/logs";

/// A record that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    record: LogRecord,
    bytes: usize,
}

#[cfg(test)]
impl Record {
    pub(super) const fn record(&self) -> &LogRecord {
        &self.record
    }
}

impl From<LogRecord> for Record {
    fn from(record: LogRecord) -> Self {
        let bytes = record.encoded_len();
        Self { record, bytes }
    }
}

impl Parcel for Record {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Makes records of incidents and findings.
#[derive(Debug)]
pub struct Logs(Arc<Host>);

impl Logs {
    /// Of this host.
    pub const fn new(host: Arc<Host>) -> Self {
        Self(host)
    }

    /// How many go at once and how many wait.
    pub fn limits() -> Limits {
        Limits {
            count: 4096,
            batch: 512,
            batch_bytes: 512 << 10,
            ..Limits::default()
        }
    }
}

impl Packer for Logs {
    type Parcel = Record;

    fn pack(&mut self, event: &Event<'_>, outbox: &Outbox<Record>) {
        if let Some(record) = record(event, &self.0, Time::now()) {
            outbox.push(record.into());
        }
    }
}

/// All of them, encoded.
pub(super) fn request(records: &[Record], host: &Host) -> Vec<u8> {
    let records = records.iter().map(|waiting| waiting.record.clone());
    let scope = ScopeLogs {
        scope: Some(scope()),
        log_records: records.collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    let resource = ResourceLogs {
        resource: Some(host.resource()),
        scope_logs: vec![scope],
        schema_url: SCHEMA_URL.to_owned(),
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![resource],
    };
    request.encode_to_vec()
}

/// What the receiver says that it did not take. One that answers in another way has taken all.
pub(super) fn partial(answer: &[u8]) -> Option<Partial> {
    let answer = ExportLogsServiceResponse::decode(answer).ok()?;
    let partial = answer.partial_success?;
    Partial::new(partial.rejected_log_records, &partial.error_message)
}
