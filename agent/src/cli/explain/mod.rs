//! `finback explain`: from what somebody has in hand to the reason.

pub(super) mod lines;

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use clap::Args;

use self::lines::Text;
use super::ask::{HistoryFolder, SourceArgs};
use super::exit::{Code, Failure, quietly};
use super::format::FormatArg;
use crate::explain::ask::{self, Asked};
use crate::explain::{Known, Proc, explain};
use crate::output::feed::Format;
use crate::output::json::{self, Body, Event, Explanation, Subject};
use crate::output::text::{self, clean};

/// Pages that are written at most.
const PAGES: usize = 32;

/// Messages about single rows that are written at most.
const MESSAGES: usize = 10;

/// Pasted text that is read, bytes.
const PASTED_MAX: u64 = 4 << 20;

/// Arguments of `finback explain`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback explain 4711:7              descriptor 7 of process 4711
  finback explain 4711                a process and the worst three of it
  finback explain 192.0.2.10:8080 198.51.100.7:51234
  finback explain inode:31337         as in /proc/PID/fd, lsof and netstat
  finback explain cookie:2a           sk: of ss -e
  finback explain '#12'               a finding; an incident by the id of its line; if it is over, out of the history
  ss -tanp state close-wait | finback explain -
  lsof -nP -p 4711 | grep protocol: | finback explain -

Exit code 0: nothing is wrong with it, 10: there is a finding, 1: nothing matches, 2: it cannot be read.")]
pub(super) struct Explain {
    /// What you have: an id, PID, PID:FD, inode:N, cookie:HEX, one or two ADDRESS:PORT, a row of ss, lsof or netstat;
    /// `-` reads rows from standard input
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,

    /// What to write
    #[arg(long, value_enum, default_value_t = FormatArg::Text, value_name = "FORMAT")]
    format: FormatArg,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    folder: HistoryFolder,
}

impl Explain {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let mut messages = Messages::default();
        let asked = self.asked(&mut messages)?;
        let mut text = lines::read(&mut self.source.open(true)?)?;
        let mut known = known(&text.lines, &text.from, &mut messages)?;
        let past = lines::remembered(&known, &asked, &self.source, &self.folder);
        match &past {
            Ok(past) => lines::add_past(&mut known, past.as_deref().unwrap_or_default()),
            Err(error) => messages.add(&format!("the history cannot be asked: {error}")),
        }
        if let Ok(Some(_)) = past {
            text.from.push_str(", and its history");
        }
        let done = answer(&known, &asked, &text, &mut messages);
        quietly(io::stderr().write_all(messages.text.as_bytes()))?;
        quietly(io::stdout().write_all(&written(&done.pages, self.format.resolve())?))?;
        Ok(done.code())
    }

    fn asked(&self, messages: &mut Messages) -> Result<Vec<Asked>, Failure> {
        if self.what != ["-"] {
            return ask::arguments(&self.what).map_err(|word| unreadable(&word));
        }
        let mut bytes = Vec::new();
        io::stdin().take(PASTED_MAX).read_to_end(&mut bytes)?;
        let pasted = ask::read(&String::from_utf8_lossy(&bytes));
        for line in &pasted.unreadable {
            messages.add(&format!(
                "line {} is no row of ss, lsof or netstat: {}",
                line.line, line.text
            ));
        }
        if pasted.cut || bytes.len() as u64 == PASTED_MAX {
            messages.add(&format!(
                "only the first {} lines were read",
                ask::LINES_MAX
            ));
        }
        if pasted.asked.is_empty() {
            let what = "there is no row of a TCP socket on standard input";
            return Err(Failure::new(Code::Usage, what, HELP));
        }
        Ok(pasted.asked)
    }
}

const HELP: &str = "an id, PID, PID:FD, inode:N, cookie:HEX, ADDRESS:PORT, or a row of ss, lsof or netstat; see \
     `finback explain --help`";

fn unreadable(word: &str) -> Failure {
    let what = format!("cannot read `{}`", clean(word));
    Failure::new(Code::Usage, what, HELP)
}

/// What goes to standard error beside the pages; bounded, for a thousand rows may be wrong.
#[derive(Debug, Default)]
struct Messages {
    text: String,
    count: usize,
}

impl Messages {
    fn add(&mut self, message: &str) {
        self.count += 1;
        if self.count <= MESSAGES {
            self.text.push_str("finback: ");
            self.text.push_str(&clean(message));
            self.text.push('\n');
        } else if self.count == MESSAGES + 1 {
            self.text.push_str("finback: and more like these\n");
        }
    }
}

/// Every line that is known; lines of types to come are left out.
fn known<'a>(lines: &'a str, from: &str, messages: &mut Messages) -> Result<Known<'a>, Failure> {
    let mut known = Known::default();
    let mut bad = 0_usize;
    let mut good = false;
    for (at, line) in lines.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Event<'a>>(line) {
            Ok(event) => {
                good = true;
                known.add(event);
            }
            Err(error) => {
                bad += 1;
                messages.add(&format!(
                    "line {} of {from} cannot be read: {error}",
                    at + 1
                ));
            }
        }
    }
    if bad > 0 && !good {
        let what = format!("{from} has no line of finback");
        let help = "it takes NDJSON: lines of type socket, finding and incident";
        return Err(Failure::new(Code::Usage, what, help));
    }
    Ok(known)
}

/// What was explained.
struct Done<'a> {
    pages: Vec<Event<'a>>,
    matched: bool,
}

impl Done<'_> {
    fn code(&self) -> ExitCode {
        let mut pages = self.pages.iter().filter_map(page_of);
        let found = pages.any(|(_, page)| page.found);
        match (found, self.matched) {
            (true, _) => Code::Found.into(),
            (false, true) => ExitCode::SUCCESS,
            (false, false) => Code::Failed.into(),
        }
    }
}

fn page_of<'e, 'a>(event: &'e Event<'a>) -> Option<(&'e Subject<'a>, &'e Explanation<'a>)> {
    if let Body::Explanation {
        subject,
        explanation,
    } = &event.body
    {
        return Some((subject, explanation));
    }
    None
}

fn answer<'a>(
    known: &Known<'a>,
    asked: &[Asked],
    text: &Text,
    messages: &mut Messages,
) -> Done<'a> {
    let mut done = Done {
        pages: Vec::new(),
        matched: false,
    };
    // Rows of two tools may mean one socket.
    let mut told = BTreeSet::new();
    let mut left = 0_usize;
    for one in asked {
        if done.pages.len() >= PAGES {
            left += 1;
            continue;
        }
        let answer = explain(known, one, text.source, &Proc);
        if answer.pages.is_empty() {
            messages.add(&nothing(known, one, text));
            continue;
        }
        done.matched = true;
        left += answer.more;
        let new = answer.pages.into_iter().filter(|page| {
            let socket = page_of(page).and_then(|(subject, _)| subject.socket);
            socket.is_none_or(|socket| told.insert(socket.id))
        });
        done.pages.extend(new);
    }
    if left > 0 {
        messages.add(&format!(
            "{left} more match and are not explained: ask for fewer"
        ));
    }
    done
}

/// What was searched, and where.
fn nothing(known: &Known<'_>, asked: &Asked, text: &Text) -> String {
    let sockets = known.connections.len();
    let incidents = known.incidents.len();
    let mut shown: String = asked.text.chars().take(100).collect();
    if shown.len() < asked.text.len() {
        shown.push('…');
    }
    format!(
        "nothing matches `{shown}`: searched {sockets} sockets and {incidents} incidents of {}",
        text.from
    )
}

/// The pages about one thing, plain.
pub(super) fn page(source: &SourceArgs, what: &str) -> Result<String, Failure> {
    let asked = ask::arguments(&[what.to_owned()]).map_err(|word| unreadable(&word))?;
    let text = lines::read(&mut source.open(true)?)?;
    let mut messages = Messages::default();
    let known = known(&text.lines, &text.from, &mut messages)?;
    let done = answer(&known, &asked, &text, &mut messages);
    let plain = text::Style {
        color: false,
        width: None,
    };
    let pages = written(&done.pages, Format::Text(plain))?;
    Ok(String::from_utf8_lossy(&pages).into_owned() + &messages.text)
}

fn written(pages: &[Event<'_>], format: Format) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Json => pages
            .iter()
            .try_for_each(|page| json::write_line(page, &mut out))?,
        Format::Text(style) => {
            let mut text = String::new();
            for (at, page) in pages.iter().enumerate() {
                if at > 0 {
                    text.push_str("\n--------\n\n");
                }
                text::write(page, style, &mut text).map_err(io::Error::other)?;
            }
            out = text.into_bytes();
        }
    }
    Ok(out)
}
