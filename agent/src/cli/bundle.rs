//! `finback bundle`: one file for a bug report.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ask::{HistoryFolder, SourceArgs};
use super::exit::{Code, Failure, quietly};
use super::explain::lines::{self, Text};
use crate::bundle::{self, About};
use crate::config::DEFAULT_FILE;
use crate::explain::ask::{self, Asked};
use crate::explain::{Known, Proc, Silent, Source, explain};
use crate::filter::Filter;
use crate::output::json::{Body, Event, Severity};
use crate::output::text::clean;

/// Pages at most; a report of more is read by nobody.
const PAGES: usize = 64;

/// Longest configuration that is put in, bytes.
const CONFIGURATION_MAX: usize = 256 << 10;

/// Arguments of `finback bundle`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback bundle '#12'                        a finding: writes finback-bundle-12.html
  finback bundle 4711:7 4712 --anonymize      a descriptor and a process, for strangers
  finback bundle --all verdict eof_unread     every finding that a filter selects (docs/filters.md)
  finback bundle 4711 --output - | gzip > leak.html.gz
  finback explain --input finback-bundle-12.html '#12'

The file needs no network and runs no script. It is readable by its owner only: it has addresses, command lines and the
configuration in it, unless --anonymize replaces them (docs/bundle.md).

Exit code 0: written, 1: nothing matches or the file is there already, 2: it cannot be read what is asked for.")]
pub(super) struct Bundle {
    /// What you have, as for `finback explain`: an id, PID, PID:FD, inode:N, cookie:HEX, one or two ADDRESS:PORT; with
    /// --all a filter
    #[arg(required_unless_present = "all", value_name = "ID | FILTER")]
    what: Vec<String>,

    /// Every open finding, or every one that the filter selects
    #[arg(long)]
    all: bool,

    /// Replace addresses, names, paths and arguments, the same by the same
    #[arg(long)]
    anonymize: bool,

    /// The file to write, `-` for standard output [default: finback-bundle-ID.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    folder: HistoryFolder,
}

impl Bundle {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let wanted = self.wanted()?;
        let text = lines::read(&mut self.source.open(true)?)?;
        let mut known = Known::default();
        let events = text.lines.lines();
        events
            .filter_map(|line| serde_json::from_str(line).ok())
            .for_each(|event| known.add(event));
        let asked = match wanted {
            Wanted::Ids(asked) => asked,
            Wanted::Findings(filter) => findings(&text.lines, filter.as_ref()),
        };
        let past =
            lines::remembered(&known, &asked, &self.source, &self.folder)?.unwrap_or_default();
        lines::add_past(&mut known, &past);
        let (pages, messages) = answers(&known, &asked, &text);
        if pages.is_empty() {
            return Err(nothing(&known, &text));
        }
        let bundle = bundle::Bundle::of(&pages, &(past.clone() + &text.lines), &known);
        let page = self.page(bundle.clone(), &text)?;
        quietly(io::stderr().write_all(messages.as_bytes()))?;
        self.write(&page, &name(&pages, self.all), bundle.size())
    }

    fn wanted(&self) -> Result<Wanted, Failure> {
        if self.all {
            let filter = (!self.what.is_empty()).then(|| self.what.join(" ").parse::<Filter>());
            return Ok(Wanted::Findings(filter.transpose()?));
        }
        let asked = ask::arguments(&self.what).map_err(|word| {
            let what = format!("cannot read `{}`", clean(&word));
            let help = "an id, PID, PID:FD, inode:N, cookie:HEX or ADDRESS:PORT; see `finback bundle --help`";
            Failure::new(Code::Usage, what, help)
        })?;
        Ok(Wanted::Ids(asked))
    }

    fn page(&self, bundle: bundle::Bundle, text: &Text) -> Result<String, Failure> {
        let about = self.about(text);
        let page = if self.anonymize {
            let bundle = bundle.anonymize().map_err(io::Error::other)?;
            // What this host says of processes is not replaced: it is not asked.
            bundle.page(text.source, &Silent, &about)
        } else {
            bundle.page(text.source, &Proc, &about)
        };
        Ok(page.map_err(io::Error::other)?)
    }

    fn about(&self, text: &Text) -> About {
        let machine = rustix::system::uname();
        let here = text.source != Source::File;
        let word = |of: &std::ffi::CStr| of.to_string_lossy().into_owned();
        About {
            finback: env!("CARGO_PKG_VERSION"),
            source: match text.source {
                // Paths may name people.
                Source::File if self.anonymize => "lines that were saved".to_owned(),
                Source::Daemon if self.anonymize => "the daemon".to_owned(),
                Source::Daemon | Source::Look | Source::File => text.from.clone(),
            },
            host: (here && !self.anonymize).then(|| word(machine.nodename())),
            kernel: here.then(|| word(machine.release())),
            configuration: self.configuration(here),
            anonymized: self.anonymize,
        }
    }

    /// That of this host. Nobody can tell which of its words name somebody, so an anonymous file has none.
    fn configuration(&self, here: bool) -> Option<String> {
        let path = self.source.config().unwrap_or(Path::new(DEFAULT_FILE));
        let mut text = fs::read_to_string(path)
            .ok()
            .filter(|_| here && !self.anonymize)?;
        if text.len() > CONFIGURATION_MAX {
            text.truncate(text.floor_char_boundary(CONFIGURATION_MAX));
            text.push_str("\n# cut here\n");
        }
        Some(text)
    }

    fn write(&self, page: &str, name: &str, (pages, lines): (usize, usize)) -> Result<(), Failure> {
        let default = PathBuf::from(name);
        let path = self.output.as_ref().unwrap_or(&default);
        if path == Path::new("-") {
            return quietly(io::stdout().write_all(page.as_bytes()));
        }
        create(path, self.force, page).map_err(|error| unwritten(path, &error))?;
        let how = if self.anonymize { ", anonymized" } else { "" };
        let said = format!(
            "finback: wrote {}: pages: {pages}, lines: {lines}, {} KiB{how}, for your eyes only (mode 0600)\n",
            clean(&path.display().to_string()),
            page.len().div_ceil(1024)
        );
        quietly(io::stderr().write_all(said.as_bytes()))
    }
}

/// What is asked for.
enum Wanted {
    Ids(Vec<Asked>),
    Findings(Option<Filter>),
}

/// Open findings, the worst first.
fn findings(lines: &str, filter: Option<&Filter>) -> Vec<Asked> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
            continue;
        };
        if let Body::Finding { finding, .. } = &event.body
            && filter.is_none_or(|filter| filter.selects(&event))
        {
            found.push((
                std::cmp::Reverse(rank(finding.severity)),
                finding.opened,
                finding.id,
            ));
        }
    }
    found.sort_unstable();
    let asked = found.into_iter().map(|(_, _, id)| Asked {
        text: format!("#{id}"),
        readings: vec![ask::Reading::Finding(id)],
    });
    asked.collect()
}

const fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// The pages, and what goes to standard error.
fn answers<'a>(known: &Known<'a>, asked: &[Asked], text: &Text) -> (Vec<Event<'a>>, String) {
    let mut pages = Vec::new();
    let (mut messages, mut left) = (String::new(), 0_usize);
    for one in asked {
        if pages.len() >= PAGES {
            left += 1;
            continue;
        }
        let answer = explain(known, one, text.source, &Proc);
        if answer.pages.is_empty() {
            let what: String = clean(&one.text).chars().take(100).collect();
            messages.extend(["finback: nothing matches `", &what, "`\n"]);
        }
        left += answer.more;
        pages.extend(answer.pages);
    }
    if left > 0 {
        let left = left.to_string();
        messages.extend([
            "finback: ",
            &left,
            " more match and are left out: ask for fewer\n",
        ]);
    }
    (pages, messages)
}

fn nothing(known: &Known<'_>, text: &Text) -> Failure {
    let (sockets, incidents) = (known.connections.len(), known.incidents.len());
    let what = format!(
        "nothing matches: searched {sockets} sockets and {incidents} incidents of {}",
        text.from
    );
    let help = "`finback findings` and `finback incidents` list what there is";
    Failure::new(Code::Failed, what, help)
}

/// By the first page: an id that says nothing of who and where.
fn name(pages: &[Event<'_>], all: bool) -> String {
    let first = pages.first().filter(|_| !all);
    let id = first.and_then(|page| {
        let finding = if let Body::Explanation { explanation, .. } = &page.body {
            explanation.finding
        } else {
            None
        };
        let finding = finding.map(|id| id.to_string());
        finding.or_else(|| bundle::topic_of(page).map(|topic| topic.to_string()))
    });
    let id = id.unwrap_or_else(|| "all".to_owned());
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let id: String = id.chars().filter(plain).take(64).collect();
    format!("finback-bundle-{id}.html")
}

/// A new file, for its owner alone; never through a link that somebody has put there.
fn create(path: &Path, force: bool, page: &str) -> io::Result<()> {
    if force {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(page.as_bytes())
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let path = clean(&path.display().to_string());
    if error.kind() == io::ErrorKind::AlreadyExists {
        let help = "--force replaces it, --output names another";
        return Failure::new(Code::Failed, format!("{path} is there already"), help);
    }
    let help = "name another file with --output";
    Failure::new(Code::Failed, format!("cannot write {path}: {error}"), help)
}
