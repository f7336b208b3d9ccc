//! The real programs: finback, one that leaks, Prometheus and its tool.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::group::Group;
use crate::http::{self, Answer};

/// Nothing that is waited for takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

const CONFIG: &str = r#"
scan_interval = "1s"
[history]
enabled = false
[thresholds]
eof_unread = "500ms"
never_accepted = "500ms"
[incidents]
trend_window = "1s"
update_interval = "1s"
"#;

/// A child that does not outlive the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits for something.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "there was no {what}");
        sleep(Duration::from_millis(100));
    }
}

/// Where Prometheus is: unpacked by `cargo xtask test`, which names the folder, or installed.
pub(crate) struct Tools {
    pub(crate) prometheus: PathBuf,
    pub(crate) promtool: PathBuf,
}

impl Tools {
    /// Says what is missing.
    #[expect(clippy::print_stdout, reason = "a test that cannot begin says why")]
    pub(crate) fn find() -> Option<Self> {
        let folder =
            env::var_os("FINBACK_TEST_PROMETHEUS").map_or_else(|| "/".into(), PathBuf::from);
        let tools = Self {
            prometheus: folder.join("usr/bin/prometheus"),
            promtool: folder.join("usr/bin/promtool"),
        };
        let missing = [&tools.prometheus, &tools.promtool]
            .into_iter()
            .find(|path| !path.exists());
        let Some(missing) = missing else {
            return Some(tools);
        };
        println!(
            "skipped: {} is missing: run `cargo xtask test`, or name a folder with the unpacked package `prometheus` \
             with FINBACK_TEST_PROMETHEUS",
            missing.display()
        );
        None
    }

    /// `promtool` with this on its standard input: what it says.
    pub(crate) fn promtool(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(&self.promtool)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

/// Asserts that a tool was content.
pub(crate) fn assert_good(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
}

/// What finback generates.
pub(crate) fn generated(what: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    let output = command.arg("generate").args(what).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A daemon that serves metrics on a port that the kernel has chosen.
pub(crate) struct Daemon {
    pub(crate) process: Running,
    pub(crate) socket: PathBuf,
    pub(crate) address: String,
}

impl Daemon {
    pub(crate) fn start(dir: &Path) -> Self {
        Group::name_below(dir).unwrap();
        let (config, socket) = (dir.join("finback.toml"), dir.join("s"));
        fs::write(&config, CONFIG).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
        command
            .args(["run", "--quiet", "--metrics-listen", "127.0.0.1:0"])
            .arg("--host-root")
            .arg(dir)
            .arg("--config")
            .arg(config)
            .arg("--socket")
            .arg(&socket);
        let process = Running(command.stdin(Stdio::null()).spawn().unwrap());
        let status = wait_for("status", || {
            let stream = UnixStream::connect(&socket).ok()?;
            http::get(stream, "/v1/status", "")
        });
        let status: Value = serde_json::from_str(&status.body).unwrap();
        let address = status["metrics_listen"].as_str().unwrap().to_owned();
        Self {
            process,
            socket,
            address,
        }
    }

    /// Asks over TCP.
    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        let stream = TcpStream::connect(&self.address).unwrap();
        http::get(stream, path, headers).unwrap()
    }
}

/// `leak.py`, in a control group if that can be had.
pub(crate) struct Leak {
    _process: Running,
    /// Dropped after the process has ended.
    pub(crate) group: Option<Group>,
    /// Of the listener whose connections it forgets.
    pub(crate) port: String,
}

impl Leak {
    pub(crate) fn start() -> Self {
        const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics/leak.py");
        let group = Group::of_a_pod();
        let mut child = Command::new("python3")
            .args(["-B", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let process = Running(child);
        if let Some(group) = &group {
            group.add(process.0.id()).unwrap();
        }
        let ports = BufReader::new(out).lines().next().unwrap().unwrap();
        let port = ports.split(' ').next().unwrap().to_owned();
        Self {
            _process: process,
            group,
            port,
        }
    }
}

/// A Prometheus that scrapes a daemon every two seconds, over TCP.
pub(crate) struct Prometheus {
    _process: Running,
    address: String,
}

impl Prometheus {
    /// With these rules.
    pub(crate) fn start(tools: &Tools, dir: &Path, target: &str, rules: &str) -> Self {
        let config = serde_json::json!({
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
            "rule_files": [dir.join("rules.yml")],
            "scrape_configs": [{
                "job_name": "finback",
                "honor_labels": true,
                "params": {"collect": ["lifetimes"]},
                "static_configs": [{"targets": [target]}],
            }],
        });
        fs::write(dir.join("rules.yml"), rules).unwrap();
        // Every JSON is YAML.
        fs::write(dir.join("prometheus.yml"), config.to_string()).unwrap();
        let address = free_address();
        let log = fs::File::create(dir.join("prometheus.log")).unwrap();
        let mut command = Command::new(&tools.prometheus);
        command
            .arg(format!("--web.listen-address={address}"))
            .arg(format!(
                "--config.file={}",
                dir.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("data").display()
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = Running(command.spawn().unwrap());
        let prometheus = Self {
            _process: process,
            address,
        };
        wait_for("Prometheus that is ready", || {
            let stream = TcpStream::connect(&prometheus.address).ok()?;
            let answer = http::get(stream, "/-/ready", "")?;
            answer.head.contains(" 200 ").then_some(())
        });
        prometheus
    }

    /// The data of an answer of its interface.
    pub(crate) fn api(&self, path: &str) -> Value {
        let stream = TcpStream::connect(&self.address).unwrap();
        let answer = http::get(stream, &format!("/api/v1/{path}"), "").unwrap();
        let mut answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].take()
    }

    /// What a query finds now.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let data = self.api(&format!("query?query={}", http::encoded(query)));
        data["result"].as_array().unwrap().clone()
    }
}

/// Nobody listened there a moment ago: Prometheus does not say which port it was given.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
