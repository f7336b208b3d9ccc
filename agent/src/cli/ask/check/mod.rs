//! `finback check`: is anything wrong now?

mod monitor;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::monitor::Count;
use super::args::QuestionArgs;
use crate::cli::exit::{Code, Failure, quietly};
use crate::cli::format;
use crate::output::json::{self, Body, Event, Severity};
use crate::output::text;
use crate::source::{Source, Wanted};

/// Arguments of `finback check`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback check                        who leaks connections, now, on this host; no daemon needed
  finback check -v                     each connection with its proof
  finback check --fail-on warning      exit code 10 only for what needs somebody
  finback check --format nagios        one line and 0, 1, 2 or 3, for Nagios, Icinga, Sensu
  finback check --format npd           the same for a custom plugin of the node problem detector

Exit code 0: nothing, 10: something was found. A running daemon is asked for what it knows; without one the kernel is looked
at once, which says who holds what and for how long at least, but not whether anybody was told or has read meanwhile:
everything is `likely` then.")]
pub(in crate::cli) struct Check {
    /// What to write
    #[arg(long, value_enum, default_value_t = Form::Text, value_name = "FORMAT")]
    format: Form,

    /// How bad it must be for exit code 10
    #[arg(long, value_enum, default_value_t = Level::Info, value_name = "SEVERITY")]
    fail_on: Level,

    /// Text: each finding, too, with its proof
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    question: QuestionArgs,
}

/// How to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One object per line: incidents, then their findings
    Json,
    /// One line; 0 fine, 1 warning, 2 critical, 3 unknown
    Nagios,
    /// One line; 0 fine, 1 a problem, 2 unknown
    Npd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Anything at all
    Info,
    /// A leak, or about to be one
    Warning,
    /// Users are hurt now
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Critical => Self::Critical,
        }
    }
}

impl Check {
    pub(in crate::cli) fn run(&self) -> Result<ExitCode, Failure> {
        match self.form() {
            Form::Nagios => monitor::nagios(self.count()),
            Form::Npd => monitor::npd(self.count()),
            Form::Text | Form::Json => self.show(),
        }
    }

    const fn form(&self) -> Form {
        self.format
    }

    /// For programs that want a word and a number.
    fn count(&self) -> Result<Count, Failure> {
        let mut source = self.question.open(false)?;
        let mut count = Count::default();
        let mut take = |event: &Event<'_>| {
            count.add(event);
            Ok(())
        };
        source.each(Wanted::Incidents, &mut take)?;
        Ok(count)
    }

    fn show(&self) -> Result<ExitCode, Failure> {
        let mut source = self.question.open(false)?;
        let mut page = Vec::new();
        let mut count = Count::default();
        let style = format::style();
        let mut take = |event: &Event<'_>| {
            count.add(event);
            write(event, self.format, style, &mut page)
        };
        source.each(Wanted::Incidents, &mut take)?;
        if self.verbose || self.format == Form::Json {
            let mut take = |event: &Event<'_>| write(event, self.format, style, &mut page);
            source.each(Wanted::Findings, &mut take)?;
        }
        if self.format == Form::Text {
            page.extend(closing(&count, source.source()).into_bytes());
        }
        quietly(std::io::Write::write_all(
            &mut std::io::stdout().lock(),
            &page,
        ))?;
        Ok(if count.at_least(self.fail_on.into()) {
            Code::Found.into()
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn write(
    event: &Event<'_>,
    form: Form,
    style: text::Style,
    page: &mut Vec<u8>,
) -> std::io::Result<()> {
    if form == Form::Json {
        return json::write_line(event, page);
    }
    let mut words = String::new();
    text::write(event, style, &mut words).map_err(std::io::Error::other)?;
    page.extend(words.into_bytes());
    Ok(())
}

/// How much it is, who says so, and what that cannot know.
fn closing(count: &Count, source: &Source) -> String {
    let mut text = format!("{} ({}).\n", count.sentence(), source.describe());
    if source.is_one_look() && count.incidents > 0 {
        text.push_str(
            "One look cannot know whether anybody was told, has read or has written since: `finback run` watches and \
             proves.\n",
        );
    }
    text
}

impl Count {
    fn add(&mut self, event: &Event<'_>) {
        if let Body::Incident { incident, .. } = &event.body {
            self.incidents += 1;
            self.connections += u64::from(incident.connections);
            self.worst = self.worst.max(Some(incident.severity.into()));
            if self.first.is_none() || self.worst_of_first < Some(incident.severity.into()) {
                self.worst_of_first = Some(incident.severity.into());
                self.first = Some(incident.summary.to_string());
            }
        }
    }
}
