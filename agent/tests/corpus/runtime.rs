//! The languages: what runs a program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::setting::setting;
use super::table::{Language, Scenario};

/// Where the programs' sources are.
pub(crate) const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
/// Where compiled ones are kept from one run to the next.
pub(crate) const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/corpus");

/// In a guest, where programs and scripts have been packed: `FINBACK_CORPUS`.
pub(crate) fn packed() -> Option<&'static Path> {
    static PACKED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let packed = PACKED.get_or_init(|| env::var_os("FINBACK_CORPUS").map(PathBuf::from));
    packed.as_deref()
}

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
pub(crate) fn interpreter(language: Language) -> PathBuf {
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

/// The source of a scenario's program.
pub(crate) fn source(scenario: &Scenario) -> PathBuf {
    let sources = packed().unwrap_or(Path::new(SOURCES));
    sources.join(scenario.language.name()).join(scenario.file)
}

/// The name of its file, without what tells the language.
pub(crate) fn stem(scenario: &Scenario) -> &'static str {
    scenario.file.split('.').next().unwrap_or(scenario.file)
}

/// Where its program is, once it is compiled.
pub(crate) fn compiled(scenario: &Scenario) -> PathBuf {
    let compiled = packed().unwrap_or(Path::new(COMPILED));
    compiled.join(scenario.language.name()).join(stem(scenario))
}
