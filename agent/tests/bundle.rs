//! `finback bundle` as its user meets it: a file that others can open, and that finback reads again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/tests");
    folder.join(format!("{name}.ndjson"))
}

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn finback(command: &str, input: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_finback"))
        .arg(command)
        .arg("--input")
        .arg(input)
        .args(arguments)
        .current_dir(folder)
        .env_remove("FINBACK_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_bundle_is_written_once_for_its_owner_and_explained_again_out_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let input = fixture("not_closed");
    let written = finback("bundle", &input, folder.path(), &["#31"]);
    let said = text(&written.stderr);
    assert_eq!(written.status.code(), Some(0), "{said}");
    assert!(
        said.contains("wrote finback-bundle-31.html: pages: 1, lines: 1"),
        "{said}"
    );
    let file = folder.path().join("finback-bundle-31.html");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let again = finback("bundle", &input, folder.path(), &["#31"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already"));
    let forced = finback("bundle", &input, folder.path(), &["#31", "--force"]);
    assert_eq!(forced.status.code(), Some(0));

    let explained = |input: &Path| {
        finback(
            "explain",
            input,
            folder.path(),
            &["#31", "--format", "text"],
        )
    };
    let (out_of_it, before) = (explained(&file), explained(&input));
    assert_eq!(
        out_of_it.status.code(),
        Some(10),
        "{}",
        text(&out_of_it.stderr)
    );
    assert_eq!(text(&out_of_it.stdout), text(&before.stdout));
}

#[test]
fn all_findings_that_a_filter_selects_are_in_one_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--all",
        "verdict",
        "eof_unread",
        "--output",
        "-",
        "--anonymize",
    ];
    let written = finback("bundle", &fixture("process"), folder.path(), &arguments);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let page = text(&written.stdout);
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.matches("<h2 class=\"verdict\">").count() > 1);
    assert!(
        !page.contains("ndjson"),
        "the name of the file is nobody's business"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_nothing_matches_is_code_1_and_what_cannot_be_read_is_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = finback("bundle", &fixture("over"), folder.path(), arguments);
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = run(&["#4242"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nothing matches"), "{said}");
    assert_eq!(run(&["nonsense!"]).0, Some(2));
    assert_eq!(run(&["--all", "verdict", "="]).0, Some(2));
    assert_eq!(run(&[]).0, Some(2));
}

#[test]
fn a_browser_shows_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let written = finback("bundle", &fixture("eof_unread"), folder.path(), &["#12"]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let file = folder.path().join("finback-bundle-12.html");
    let shown = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .output();
    let Ok(shown) = shown else {
        eprintln!("skipped: there is no chromium here");
        return;
    };
    let dom = text(&shown.stdout);
    let verdict = "<h2 class=\"verdict\">python3 (pid 4711, fd 7) has not read";
    assert!(dom.contains(verdict), "{dom} {}", text(&shown.stderr));
    assert!(dom.contains("<circle class=\"peer\""), "{dom}");
}
