//! `finback generate`: files made from the program's own definitions.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Command, Subcommand, ValueEnum};
use serde::Serialize;

use super::exit::{Code, Failure, quietly};
use super::man;
use crate::metrics::{alerts, dashboard};
use crate::output::json;
use crate::server;

/// Arguments of `finback generate`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback generate man --output /usr/local/share/man/man1
  finback generate completions bash > /etc/bash_completion.d/finback
  finback generate completions zsh > /usr/local/share/zsh/site-functions/_finback
  finback generate completions fish > /etc/fish/completions/finback.fish
  finback generate alerts > /etc/prometheus/rules.d/finback.yml
  finback generate dashboard > finback.json
  finback generate openapi | jq '.paths | keys'")]
pub(super) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// JSON Schema (2020-12) of the event stream
    Schema,
    /// OpenAPI document of what the daemon serves on its socket
    Openapi,
    /// Alerting rules for Prometheus
    Alerts {
        /// Where docs/ of finback can be read: runbooks are below it
        #[arg(long, value_name = "URL", default_value = alerts::RUNBOOKS)]
        docs: String,
        /// How Prometheus knows the daemon
        #[arg(long, value_name = "MATCHERS", default_value = alerts::SELECTOR)]
        selector: String,
    },
    /// Dashboard for Grafana
    Dashboard,
    /// Man pages
    Man {
        /// Write one page per command into this directory; without it finback(1) goes to standard output
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Completions of the command line for a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Those whose completions are tested.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Generate {
    /// Writes the file to standard output, or files into a directory. `program` is the whole command line.
    pub(super) fn run(&self, program: Command) -> Result<(), Failure> {
        match &self.what {
            What::Schema => document(&json::schema()),
            What::Openapi => document(&server::openapi()),
            What::Alerts { docs, selector } => print(alerts::rules(docs, selector).as_bytes()),
            What::Dashboard => document(&dashboard::document()),
            What::Man { output: None } => match man::pages(program)?.first() {
                Some((_, page)) => print(page),
                None => Ok(()),
            },
            What::Man {
                output: Some(directory),
            } => write(&man::pages(program)?, directory),
            What::Completions { shell } => print(&completions(*shell, &program)),
        }
    }
}

fn document(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    print(format!("{text}\n").as_bytes())
}

fn print(text: &[u8]) -> Result<(), Failure> {
    quietly(io::stdout().lock().write_all(text))
}

fn write(pages: &[man::Page], directory: &Path) -> Result<(), Failure> {
    let made = fs::create_dir_all(directory);
    let written = made.and_then(|()| {
        let mut pages = pages.iter();
        pages.try_for_each(|(name, page)| fs::write(directory.join(name), page))
    });
    written.map_err(|error| {
        let what = format!("cannot write man pages to {}: {error}", directory.display());
        let help = "name a directory that you may write to with --output";
        Failure::new(Code::Failed, what, help)
    })
}

/// Commands that are hidden from help are so from these, too.
fn completions(shell: Shell, program: &Command) -> Vec<u8> {
    use clap_complete::shells::{Bash, Fish, Zsh};

    let name = env!("CARGO_PKG_NAME");
    let shown = program.get_subcommands().filter(|one| !one.is_hide_set());
    let mut program = Command::new(name)
        .args(program.get_arguments().cloned())
        .subcommands(shown.cloned());
    let mut script = Vec::new();
    match shell {
        Shell::Bash => clap_complete::generate(Bash, &mut program, name, &mut script),
        Shell::Zsh => clap_complete::generate(Zsh, &mut program, name, &mut script),
        Shell::Fish => clap_complete::generate(Fish, &mut program, name, &mut script),
    }
    script
}
