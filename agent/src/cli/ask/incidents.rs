//! `finback incidents`: what is wrong, cause by cause.

use clap::Args;

use super::args::{PastArgs, Question, QuestionArgs};
use super::show::{Form, Out, ShowArgs, unless_gone};
use crate::cli::exit::Failure;
use crate::cli::format;
use crate::output::json::Event;
use crate::output::text;
use crate::source::Wanted;

/// Arguments of `finback incidents`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback incidents                        what is wrong, at most six lines for each cause
  finback incidents --since 2h             what was wrong in the last two hours, over or not
  finback incidents --watch 10s            again and again
  finback incidents --format json | jq '.incident | {id, severity, connections, summary}'")]
pub(in crate::cli) struct Incidents {
    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    past: PastArgs,

    #[command(flatten)]
    question: QuestionArgs,
}

impl Incidents {
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        self.show.again(|out| {
            let mut source = self.question.open_past(&self.past)?;
            self.write(&mut source, out)
        })
    }

    fn write(&self, source: &mut Question, out: &mut Out) -> Result<(), Failure> {
        if self.show.form() == Form::Json {
            return unless_gone(source.each(Wanted::Incidents, &mut |event| out.line(event)));
        }
        let style = text::Style {
            width: self
                .show
                .width()
                .and_then(|width| u16::try_from(width).ok()),
            ..format::style()
        };
        let mut page = String::new();
        let mut take =
            |event: &Event<'_>| text::write(event, style, &mut page).map_err(std::io::Error::other);
        source.each(Wanted::Incidents, &mut take)?;
        if page.is_empty() {
            page = format!("No incidents ({}).\n", source.source().describe());
        }
        out.text(&page)
    }
}
