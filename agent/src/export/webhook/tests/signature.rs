//! Signatures, checked by Python with the lines that the documentation gives to receivers.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;

pub(super) const SECRET: &str = "correct horse battery staple";

/// A file that may be a secret.
pub(super) fn secret(dir: &Path) -> PathBuf {
    let path = dir.join("secret");
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(&path);
    writeln!(file.unwrap(), "{SECRET}").unwrap();
    path
}

/// What the documentation says of a request; `None` without a Python.
fn is_from_finback(header: &str, body: &[u8], secret: &str, age: i64) -> Option<bool> {
    let page = std::fs::read_to_string(checked_in::path("docs/export.md")).unwrap();
    let (_, code) = page.split_once("<!-- verify.py -->\n```python\n").unwrap();
    let (code, _) = code.split_once("```\n").unwrap();
    let code = format!(
        "{code}\nimport sys\nbody = sys.stdin.buffer.read()\nheader, secret, age = sys.argv[1:]\n\
         print(is_from_finback(header, body, secret.encode(), time.time() + int(age)))\n"
    );
    let python = Command::new("python3")
        .args(["-c", &code, header, secret, &age.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = python.ok()?;
    python.stdin.take().unwrap().write_all(body).unwrap();
    let said = python.wait_with_output().unwrap().stdout;
    match &said[..] {
        b"True\n" => Some(true),
        b"False\n" => Some(false),
        other => panic!("{}", String::from_utf8_lossy(other)),
    }
}

#[tokio::test]
async fn a_receiver_can_prove_where_a_document_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut receiver = Receiver::start().await;
    if !rustix::process::geteuid().is_root() {
        // Its file would not be root's.
        return;
    }
    let mut case = begin(Settings {
        secret_file: Some(secret(dir.path())),
        ..settings(&url(&receiver))
    });
    case.tell(&samples::incident());
    let got = receiver.got().await;
    let header = got.headers["finback-signature"].to_str().unwrap();
    let Some(proven) = is_from_finback(header, &got.body, SECRET, 0) else {
        return;
    };
    assert!(proven, "{header}");
    let mut forged = got.body.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for (body, secret, age) in [
        (&forged[..], SECRET, 0),
        (&got.body, "another secret altogether", 0),
        (&got.body, SECRET, 3600),
    ] {
        assert_eq!(is_from_finback(header, body, secret, age), Some(false));
    }
}
