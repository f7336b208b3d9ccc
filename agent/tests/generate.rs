//! What `finback generate` makes is of use to the programs that it is made for.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn finback(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finback"));
    command.args(arguments).env_remove("FINBACK_LOG");
    command.stdin(Stdio::null()).output().unwrap()
}

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn text(arguments: &[&str]) -> String {
    let output = finback(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that help lists.
fn commands(of: &[&str]) -> Vec<String> {
    let help = text(&[of, &["-h"]].concat());
    let (_, list) = help.split_once("Commands:\n").unwrap_or_default();
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// The names of all pages that there should be.
fn pages() -> BTreeSet<String> {
    let mut pages = BTreeSet::from(["finback.1".to_owned()]);
    for command in commands(&[]) {
        let inner = commands(&[&command]);
        pages.extend(
            inner
                .iter()
                .map(|inner| format!("finback-{command}-{inner}.1")),
        );
        pages.insert(format!("finback-{command}.1"));
    }
    pages
}

/// Runs a program that is not everywhere.
#[expect(clippy::print_stdout, reason = "part of the tests below")]
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).output();
    if output.is_err() {
        println!("there is no {program} here");
    }
    output.ok()
}

#[test]
fn the_openapi_document_is_the_one_checked_in() {
    let checked_in = include_str!("../../docs/openapi.json");
    assert!(text(&["generate", "openapi"]) == checked_in);
}

#[test]
fn every_visible_command_has_a_man_page_and_no_hidden_one() {
    let directory = tempfile::tempdir().unwrap();
    // It is made if it is missing.
    let directory = directory.path().join("man1");
    text(&["generate", "man", "--output", directory.to_str().unwrap()]);
    let entries = std::fs::read_dir(&directory).unwrap();
    let found: BTreeSet<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, pages());
    assert!(found.contains("finback-run.1") && found.contains("finback-generate-man.1"));
    for page in &found {
        assert_renders(&directory.join(page));
    }
    let main = std::fs::read_to_string(directory.join("finback.1")).unwrap();
    assert_eq!(text(&["generate", "man"]), main);
}

#[expect(clippy::unwrap_used, reason = "part of the tests below")]
fn assert_renders(page: &Path) {
    let text = std::fs::read(page).unwrap();
    assert!(text.is_ascii(), "not every roff reads {}", page.display());
    let arguments = ["-man", "-Tutf8", "-ww", "-z"];
    let Some(output) = run(
        "groff",
        &[&arguments[..], &[page.to_str().unwrap()]].concat(),
    ) else {
        return;
    };
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{warnings}");
}

#[test]
fn man_pages_that_cannot_be_written_are_code_1_and_say_where() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let output = finback(&["generate", "man", "--output", path]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.starts_with(&format!("finback: cannot write man pages to {path}: ")),
        "{errors}"
    );
    assert!(errors.contains("\n  help: "), "{errors}");
}

#[test]
fn every_shell_can_read_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let script = text(&["generate", "completions", shell]);
        assert!(script.contains("doctor"), "{shell}");
        file.write_all(script.as_bytes()).unwrap();
        let Some(output) = run(shell, &["-n", file.path().to_str().unwrap()]) else {
            continue;
        };
        assert!(output.status.success(), "{shell}: {output:?}");
        assert!(output.stderr.is_empty(), "{shell}: {output:?}");
    }
}

#[test]
fn bash_completes_commands_and_options_and_nothing_hidden() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let script = text(&["generate", "completions", "bash"]);
    file.write_all(script.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    for (words, expected) in [
        ("finback ''", commands(&[]).join(" ")),
        ("finback ru", "run".to_owned()),
        ("finback run --dur", "--duration".to_owned()),
        ("finback generate completions z", "zsh".to_owned()),
    ] {
        let line = format!(
            "set -eu; . {path}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _finback finback \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let Some(output) = run("bash", &["-c", &line]) else {
            return;
        };
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "{words}");
        let offered: Vec<_> = said
            .split_whitespace()
            .filter(|word| words != "finback ''" || !word.starts_with('-') && *word != "help")
            .collect();
        assert_eq!(offered.join(" "), expected, "{words}");
    }
}

#[test]
fn an_unknown_shell_is_code_2_and_the_known_are_named() {
    let output = finback(&["generate", "completions", "tcsh"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("bash, zsh, fish"), "{errors}");
}
