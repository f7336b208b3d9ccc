//! What the programs need before they can run: compilers for some, runtimes for the others. And what of it goes into
//! a guest.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};

use super::runtime::{COMPILED, SOURCES, compiled, interpreter, packed, source, stem};
use super::table::{self, Language, Scenario};

/// Compiles what is missing or older than its source, and makes sure that every runtime is there. In a guest all of
/// it has been packed.
pub(crate) fn prepare() -> Result<()> {
    if packed().is_some() {
        return Ok(());
    }
    ensure!(
        Path::new(SOURCES).exists(),
        "the sources of the corpus are not where they were compiled: {SOURCES}"
    );
    for scenario in table::all() {
        compile(scenario)?;
    }
    compile_java()?;
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

/// Puts everything that fits a guest into `folder`, which then is what `FINBACK_CORPUS` names there. What was in it
/// before is deleted.
pub(crate) fn pack(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for scenario in table::all().filter(|scenario| scenario.language.fits_a_guest()) {
        compile(scenario)?;
        let file = if scenario.language == Language::Python {
            source(scenario)
        } else {
            compiled(scenario)
        };
        let place = folder.join(scenario.language.name());
        fs::create_dir_all(&place)?;
        let name = file.file_name().context("a program without a name")?;
        fs::copy(&file, place.join(name)).with_context(|| format!("{}", file.display()))?;
    }
    Ok(())
}

fn compile(scenario: &Scenario) -> Result<()> {
    match scenario.language {
        Language::C => compile_with(scenario, "stage.h", |source, out| {
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-pthread", "-w", "-o"])
                .arg(out)
                .arg(source);
            cc
        }),
        Language::Rust => compile_with(scenario, "stage.rs", |source, out| {
            let mut rustc = Command::new(rustc());
            rustc.args(["--edition", "2024", "-C", "strip=debuginfo", "-o"]);
            rustc.arg(out).arg(source);
            rustc
        }),
        Language::Go => compile_with(scenario, "", |source, out| {
            let mut go = Command::new(interpreter(Language::Go));
            go.args(["build", "-ldflags", "-s -w", "-o"])
                .arg(out)
                .arg(source)
                .env("GOCACHE", Path::new(COMPILED).join("go-cache"))
                .env("GOPATH", Path::new(COMPILED).join("go-path"))
                .env("GOTOOLCHAIN", "local")
                .env("GO111MODULE", "off")
                .env("CGO_ENABLED", "0");
            go
        }),
        Language::Java | Language::Python | Language::Node | Language::Php | Language::Ruby => {
            Ok(())
        }
    }
}

/// The compiler that belongs to the cargo that runs this.
fn rustc() -> std::path::PathBuf {
    let beside = env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
    beside
        .filter(|rustc| rustc.exists())
        .unwrap_or_else(|| "rustc".into())
}

fn compile_with(
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
    Ok(())
}
