//! `finback findings`: what is wrong, connection by connection.

use clap::Args;

use super::args::{PastArgs, Question, QuestionArgs};
use super::show::{Form, Out, ShowArgs, unless_gone};
use crate::cli::exit::{Failure, quietly};
use crate::cli::format;
use crate::output::json::Event;
use crate::output::{table, text};
use crate::source::Wanted;

/// Arguments of `finback findings`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback findings                     one line for each connection that its application has not noticed
  finback findings -v                  each with its proof and what to do
  finback findings --format json | jq -r .finding.verdict | sort | uniq -c")]
pub(in crate::cli) struct Findings {
    /// Each with its proof
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    past: PastArgs,

    #[command(flatten)]
    question: QuestionArgs,
}

impl Findings {
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        self.show.again(|out| {
            let mut source = self.question.open_past(&self.past)?;
            self.write(&mut source, out)
        })
    }

    fn write(&self, source: &mut Question, out: &mut Out) -> Result<(), Failure> {
        match self.show.form() {
            Form::Json => unless_gone(source.each(Wanted::Findings, &mut |event| out.line(event))),
            Form::Text | Form::Auto if self.verbose => {
                let style = format::style();
                let mut page = String::new();
                let mut take = |event: &Event<'_>| {
                    text::write(event, style, &mut page).map_err(std::io::Error::other)
                };
                source.each(Wanted::Findings, &mut take)?;
                out.text(&page)
            }
            Form::Text | Form::Auto | Form::Csv => {
                let mut table = table::findings();
                let mut take = |event: &Event<'_>| {
                    table.add(event);
                    Ok(())
                };
                source.each(Wanted::Findings, &mut take)?;
                if self.show.form() == Form::Csv {
                    return quietly(table.csv(self.show.header(), out.writer()));
                }
                out.text(&table.render(self.show.header(), self.show.width()))
            }
        }
    }
}
