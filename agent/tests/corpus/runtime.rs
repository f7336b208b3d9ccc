//! The languages: what runs a program, and what compiles it first.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};

use super::setting::setting;
use super::table::{self, Language, Scenario};

/// Where the programs' sources are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
/// Where compiled ones are kept from one run to the next.
const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/corpus");

/// The command line that starts a scenario's program.
pub(crate) fn command(scenario: &Scenario) -> Command {
    let source = source(scenario);
    match scenario.language {
        Language::C | Language::Go | Language::Rust => Command::new(compiled(scenario)),
        Language::Java => {
            let mut java = Command::new("java");
            java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
                .arg(Path::new(COMPILED).join("java"))
                .arg(stem(scenario));
            java
        }
        Language::Python => {
            let mut python = Command::new(&setting().python);
            python.args(["-B", "-E"]).arg(source);
            python
        }
        Language::Node | Language::Php | Language::Ruby => {
            let mut command = Command::new(interpreter(scenario.language));
            command.arg(source);
            command
        }
    }
}

/// The distribution's own if it is there, else the one on `PATH`.
fn interpreter(language: Language) -> PathBuf {
    let name = match language {
        Language::Node => "node",
        Language::Php => "php",
        Language::Ruby => "ruby",
        Language::Go => "go",
        Language::Java => "javac",
        Language::C => "cc",
        Language::Rust => "rustc",
        Language::Python => "python3",
    };
    let own = Path::new("/usr/bin").join(name);
    if own.exists() { own } else { name.into() }
}

fn source(scenario: &Scenario) -> PathBuf {
    Path::new(SOURCES)
        .join(scenario.language.name())
        .join(scenario.file)
}

fn stem(scenario: &Scenario) -> &'static str {
    scenario.file.split('.').next().unwrap_or(scenario.file)
}

fn compiled(scenario: &Scenario) -> PathBuf {
    Path::new(COMPILED)
        .join(scenario.language.name())
        .join(stem(scenario))
}

/// Compiles what is missing or older than its source, and makes sure that every runtime is there.
pub(crate) fn prepare() -> Result<()> {
    let mut java = false;
    for scenario in table::all() {
        match scenario.language {
            Language::C => compile(scenario, "stage.h", |source, out| {
                let mut cc = Command::new("cc");
                cc.args(["-O1", "-pthread", "-w", "-o"])
                    .arg(out)
                    .arg(source);
                cc
            })?,
            Language::Rust => compile(scenario, "stage.rs", |source, out| {
                let mut rustc = Command::new(rustc());
                rustc.args(["--edition", "2024", "-o"]).arg(out).arg(source);
                rustc
            })?,
            Language::Go => compile(scenario, "", |source, out| {
                let mut go = Command::new(interpreter(Language::Go));
                go.args(["build", "-o"])
                    .arg(out)
                    .arg(source)
                    .env("GOCACHE", Path::new(COMPILED).join("go-cache"))
                    .env("GOPATH", Path::new(COMPILED).join("go-path"))
                    .env("GOTOOLCHAIN", "local")
                    .env("GO111MODULE", "off")
                    .env("CGO_ENABLED", "0");
                go
            })?,
            Language::Java => java = true,
            Language::Python | Language::Node | Language::Php | Language::Ruby => {}
        }
    }
    if java {
        compile_java()?;
    }
    for (language, check) in [
        (Language::Python, vec!["-c", "import requests"]),
        (Language::Node, vec!["--version"]),
        (
            Language::Php,
            vec!["-r", "exit(function_exists('curl_init') ? 0 : 1);"],
        ),
        (
            Language::Ruby,
            vec!["-e", "require 'net/http'; require 'openssl'"],
        ),
    ] {
        run(Command::new(interpreter(language)).args(check))?;
    }
    Ok(())
}

/// The compiler that belongs to the cargo that runs this.
fn rustc() -> PathBuf {
    let beside = env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
    beside
        .filter(|rustc| rustc.exists())
        .unwrap_or_else(|| "rustc".into())
}

fn compile(
    scenario: &Scenario,
    shared: &str,
    command: impl FnOnce(&Path, &Path) -> Command,
) -> Result<()> {
    let (source, out) = (source(scenario), compiled(scenario));
    let newest = changed(&source).max(changed(&source.with_file_name(shared)));
    if changed(&out) > newest {
        return Ok(());
    }
    fs::create_dir_all(out.parent().context("no directory")?)?;
    run(&mut command(&source, &out))
}

fn compile_java() -> Result<()> {
    let classes = Path::new(COMPILED).join("java");
    let sources: Vec<_> = table::all()
        .filter(|scenario| scenario.language == Language::Java)
        .collect();
    let current = sources.iter().all(|scenario| {
        let class = classes.join(stem(scenario)).with_extension("class");
        changed(&class) > changed(&source(scenario))
    });
    if current {
        return Ok(());
    }
    let mut javac = Command::new(interpreter(Language::Java));
    javac.arg("-d").arg(&classes);
    run(javac.args(sources.into_iter().map(source)))
}

/// When a file was last changed; the beginning of time if there is none.
fn changed(path: &Path) -> SystemTime {
    let changed = fs::metadata(path).and_then(|about| about.modified());
    changed.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A runtime that is missing is an error: what it would have shown would otherwise be silently left out.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| {
        format!("cannot run {program}; `cargo xtask setup --tests` installs what the corpus needs")
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim());
    if !Path::new(SOURCES).exists() {
        bail!("the sources of the corpus are not where they were compiled: {SOURCES}");
    }
    Ok(())
}
