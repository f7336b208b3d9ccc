//! `finback top`: a live screen.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::Args;

use super::args::QuestionArgs;
use crate::cli::exit::{Code, Failure};
use crate::config;
use crate::output::json::Event;
use crate::source::Wanted;
use crate::tui::{self, Data};

/// Arguments of `finback top`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  finback top                  incidents, from the daemon if one runs; ⏎ shows the connections of one
  finback top --every 10s      on a busy host without a daemon: a look costs what ss -tanp costs, and less

Keys: ↑ ↓ choose, ⏎ into, esc back, a all, s sort, / search, p pause, ? help, q quit.")]
pub(in crate::cli) struct Top {
    /// Look again after so long
    #[arg(long, value_parser = config::duration, default_value = "2s", value_name = "TIME")]
    every: Duration,

    #[command(flatten)]
    question: QuestionArgs,
}

impl Top {
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        if !io::stdout().is_terminal() {
            let help = "use `finback incidents` for a program or a file";
            return Err(Failure::new(Code::Usage, "top needs a terminal", help));
        }
        // What is wrong with the question is said before the screen is taken.
        drop(look(&self.question)?);
        let question = self.question.clone();
        let look = move || look(&question).map_err(|failure| failure.what);
        Ok(tui::run(self.every, look)?)
    }
}

fn look(question: &QuestionArgs) -> Result<Data, Failure> {
    let mut source = question.open(false)?;
    let mut data = Data {
        source: source.source().describe(),
        ..Data::default()
    };
    for wanted in [Wanted::Incidents, Wanted::Findings] {
        let mut take = |event: &Event<'_>| {
            data.add(event);
            Ok(())
        };
        source.each(wanted, &mut take)?;
    }
    data.cost = source.source().cost();
    data.sort();
    Ok(data)
}
