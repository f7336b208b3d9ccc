//! A real daemon tells a collector of a planted leak: over TLS, with a certificate that is replaced meanwhile. The
//! collector is a server that reads with the official definitions.
//!
//! Needs root: it loads kernel programs.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, one that cannot begin says why"
)]

#[path = "../src/export/http/receiver/mod.rs"]
#[expect(dead_code, reason = "other tests need the rest of it")]
mod receiver;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use rustix::process::geteuid;

use self::receiver::{Authority, Got, Receiver};

/// The daemon; it does not outlive its test.
struct Daemon(Child);

impl Daemon {
    fn start(dir: &Path, config: &str) -> Self {
        let file = dir.join("finback.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
        command
            .args(["run", "--quiet", "--history", "off", "--socket"])
            .arg(dir.join("s"))
            .arg("--config")
            .arg(file)
            .env_remove("FINBACK_LOG")
            .stdin(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails if it has ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root may load kernel programs");
    }
    is_root
}

/// Files of the exporter, and who signs its certificates.
struct Files {
    dir: PathBuf,
    authority: Authority,
}

impl Files {
    fn new(dir: &Path) -> Self {
        let files = Self {
            dir: dir.to_owned(),
            authority: Authority::new("authority"),
        };
        files.authority.write(&files.path("ca.pem"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn issue(&self, name: &str) -> Vec<u8> {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        self.authority.issue(name, &certificate, &key)
    }

    fn config(&self, receiver: &Receiver) -> String {
        let dir = self.dir.display();
        let address = receiver.address();
        format!(
            "scan_interval = \"1s\"\n[thresholds]\neof_unread = \"300ms\"\n\
             [otlp]\nendpoint = \"https://{address}\"\nheaders = {{ \"x-tenant\" = \"shop\" }}\n\
             ca_file = \"{dir}/ca.pem\"\ncert_file = \"{dir}/cert.pem\"\nkey_file = \"{dir}/key.pem\"\n\
             interval = \"5s\"\n"
        )
    }
}

fn body(got: &Got) -> Vec<u8> {
    let mut body = Vec::new();
    if got.headers.contains_key("content-encoding") {
        GzDecoder::new(&*got.body).read_to_end(&mut body).unwrap();
    } else {
        body.extend_from_slice(&got.body);
    }
    body
}

fn records(got: &Got) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(&*body(got)).unwrap();
    let resources = request.resource_logs.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

/// An attribute in words.
fn attribute(record: &LogRecord, name: &str) -> Option<String> {
    let mut pairs = record.attributes.iter();
    let pair = pairs.find(|pair| pair.key == name)?;
    let value = pair.value.clone()?.value?;
    if let Any::IntValue(number) = value {
        return Some(number.to_string());
    }
    let Any::StringValue(text) = value else {
        return None;
    };
    Some(text)
}

fn is(record: &LogRecord, attributes: &[(&str, &str)]) -> bool {
    let mut attributes = attributes.iter();
    attributes.all(|(name, value)| attribute(record, name).as_deref() == Some(value))
}

/// Reads requests until there was such a record; also shows the request's certificate.
async fn record(receiver: &mut Receiver, name: &str, said: &[(&str, &str)]) -> (LogRecord, Got) {
    loop {
        let got = receiver.got().await;
        if got.target != "/v1/logs" {
            continue;
        }
        assert_eq!(got.headers["x-tenant"], "shop");
        let fits = |record: &LogRecord| record.event_name == name && is(record, said);
        if let Some(record) = records(&got).into_iter().find(fits) {
            return (record, got);
        }
    }
}

/// Reads requests until there was this metric; gives how many series it has.
async fn metrics(receiver: &mut Receiver, name: &str) -> usize {
    loop {
        let got = receiver.got().await;
        if got.target != "/v1/metrics" {
            continue;
        }
        let request = ExportMetricsServiceRequest::decode(&*body(&got)).unwrap();
        let resources = request.resource_metrics.iter();
        let scopes = resources.flat_map(|resource| &resource.scope_metrics);
        let mut metrics = scopes.flat_map(|scope| &scope.metrics);
        let found = metrics.find(|metric| metric.name == name);
        let Some(Data::Gauge(gauge)) = found.and_then(|metric| metric.data.clone()) else {
            panic!("no gauge {name}");
        };
        return gauge.data_points.len();
    }
}

#[tokio::test]
async fn a_collector_is_told_of_a_leak_and_of_its_end() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(dir.path());
    let first = files.issue("first");
    let server = files.authority.server(Some(&files.authority));
    let mut collector = Receiver::encrypted(server).await;
    let _daemon = Daemon::start(dir.path(), &files.config(&collector));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(TcpStream::connect(address).unwrap());
    let forgotten = listener.accept().unwrap().0;
    let (port, pid) = (address.port().to_string(), std::process::id().to_string());
    let ours = [
        ("network.local.port", &*port),
        ("process.pid", &*pid),
        ("network.connection.state", "close_wait"),
        ("finback.finding.verdict", "eof_unread"),
        ("finback.finding.action", "opened"),
    ];
    let (found, got) = record(&mut collector, "finback.finding", &ours).await;
    assert_eq!(got.certificate, Some(first));
    let name = attribute(&found, "process.executable.name").unwrap();
    assert!(name.starts_with("otlp"), "{name}");

    let second = files.issue("second");
    drop(forgotten);
    let id = attribute(&found, "finback.finding.id").unwrap();
    let over = [
        ("finback.finding.id", &*id),
        ("finback.finding.action", "resolved"),
    ];
    let (resolved, got) = record(&mut collector, "finback.finding", &over).await;
    assert_eq!(got.certificate, Some(second));
    assert_eq!(resolved.severity_text, "info");
    assert!(attribute(&resolved, "finback.finding.incident").is_some());
    let watched = metrics(&mut collector, "finback.connections").await;
    assert!(watched > 0, "no connection was counted");
}
