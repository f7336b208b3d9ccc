//! Alertmanager itself. `FINBACK_TEST_ALERTMANAGER` names the folder where its package is unpacked, as `cargo xtask test`
//! does; it needs its template in /usr/share, so that is mounted for it alone, which takes root.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tempfile::TempDir;

use super::*;

/// Ended when it is dropped.
struct Alertmanager {
    child: Child,
    address: String,
    _dir: TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// `None` where something is missing; says what.
fn start() -> Option<Alertmanager> {
    let peers =
        std::env::var_os("FINBACK_TEST_ALERTMANAGER").map_or_else(PathBuf::new, PathBuf::from);
    let program = peers.join("usr/bin/prometheus-alertmanager");
    let missing = if !program.exists() {
        "FINBACK_TEST_ALERTMANAGER with prometheus-alertmanager"
    } else if !rustix::process::geteuid().is_root() {
        "root"
    } else {
        return Some(started(&peers));
    };
    eprintln!("skipped: {missing} is missing");
    None
}

fn started(peers: &Path) -> Alertmanager {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    std::fs::write(
        &config,
        "route: {receiver: none}\nreceivers: [{name: none}]\n",
    )
    .unwrap();
    let script = "mount --bind \"$1/usr/share\" /usr/share && exec \"$1/usr/bin/prometheus-alertmanager\" \
                  --config.file=\"$2/config.yml\" --storage.path=\"$2/data\" --web.listen-address=127.0.0.1:0 \
                  --cluster.listen-address=";
    let child = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .args([peers, dir.path()])
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = said.by_ref().find_map(|line| {
        let line = line.unwrap();
        let (_, address) = line.split_once("\"Listening on\" address=")?;
        Some(address.trim().to_owned())
    });
    // Its log must not fill the pipe.
    std::thread::spawn(move || said.for_each(drop));
    Alertmanager {
        child,
        address: address.expect("it listens"),
        _dir: dir,
    }
}

impl Alertmanager {
    /// What it says is going on.
    async fn alerts(&self) -> Vec<Value> {
        let stream = tokio::net::TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::get("/api/v2/alerts").header("host", &self.address);
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        let body = response.await.unwrap().into_body().collect().await.unwrap();
        serde_json::from_slice(&body.to_bytes()).unwrap()
    }

    async fn until(&self, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        loop {
            let alerts = self.alerts().await;
            if is_so(&alerts) {
                return alerts;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn case(alertmanager: &Alertmanager) -> Case {
    begin(Settings {
        format: Format::Alertmanager,
        ..settings(&format!("http://{}", alertmanager.address))
    })
}

#[tokio::test]
async fn an_incident_is_an_alert_of_alertmanager_until_it_is_over() {
    let Some(alertmanager) = start() else {
        return;
    };
    let mut case = case(&alertmanager);
    case.tell(&samples::incident());
    let alerts = alertmanager.until(|alerts| !alerts.is_empty()).await;
    let [alert] = &alerts[..] else {
        panic!("{alerts:?}")
    };
    assert_eq!(
        alert["labels"],
        json!({
            "alertname": "FinbackIncident", "host": "web-1", "incident": "1c5f0d5e8a534c3b", "severity": "warning",
            "verdict": "eof_unread", "program": "python shop", "workload": "shop.service", "unit": "shop.service",
        })
    );
    assert_eq!(
        alert["annotations"]["runbook_url"],
        "https://docs.example/verdicts/eof_unread.md"
    );
    let annotation = |name: &str| alert["annotations"][name].as_str().unwrap().to_owned();
    assert!(annotation("summary").starts_with("python shop has 14 connections"));
    assert!(
        annotation("description").starts_with("rising: python shop in shop.service: port 8080 <- ")
    );
    assert_eq!(alert["startsAt"], "2026-11-22T13:25:54.123Z");
    assert_eq!(alert["status"]["state"], "active");

    case.tell(&resolved());
    // Its interface lists what lasts.
    alertmanager.until(<[Value]>::is_empty).await;
    assert_eq!(case.end().await.delivered, 2);
}

#[tokio::test]
async fn an_alert_that_becomes_worse_takes_the_place_of_the_one_before() {
    let Some(alertmanager) = start() else {
        return;
    };
    let mut case = case(&alertmanager);
    case.tell(&samples::incident());
    alertmanager.until(|alerts| !alerts.is_empty()).await;
    case.tell(&incident(|incident| incident.severity = Severity::Critical));
    let is_worse = |alerts: &[Value]| {
        let severities = alerts.iter().map(|alert| &alert["labels"]["severity"]);
        severities.eq(["critical"])
    };
    alertmanager.until(is_worse).await;
    assert_eq!(case.end().await.delivered, 3);
}
