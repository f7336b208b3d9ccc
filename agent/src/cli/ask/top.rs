//! `finback top`: a live screen.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::Args;

use super::args::QuestionArgs;
use crate::cli::exit::{Code, Failure};
use crate::cli::explain;
use crate::cli::kill::Chosen;
use crate::cli::rate::{Pace, Rate};
use crate::config;
use crate::kernel::netns::destroy::{Destroyer, Outcome};
use crate::kill::{self, Plan};
use crate::output::json::Event;
use crate::source::Wanted;
use crate::tui::{self, Data, DryRun, Hands};

/// Arguments of `finback top`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  finback top                  incidents, from the daemon if one runs; ⏎ shows the connections of one
  finback top --every 10s      on a busy host without a daemon: a look costs what ss -tanp costs, and less

Keys: ↑ ↓ choose, ⏎ into, esc back, a all, e explain, K kill, s sort, / search, p pause, ? help, q quit. K destroys the
sockets of what is chosen as `finback kill` does: it says first what that would do, and asks.")]
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
        let hands = OwnHands {
            question: self.question.clone(),
            chosen: None,
        };
        Ok(tui::run(self.every, hands)?)
    }
}

/// Does what the other commands do.
struct OwnHands {
    question: QuestionArgs,
    /// Sockets that are to be destroyed, if somebody says yes.
    chosen: Option<Chosen>,
}

impl Hands for OwnHands {
    fn look(&mut self) -> Result<Data, String> {
        look(&self.question).map_err(|failure| failure.what)
    }

    fn explain(&mut self, what: &str) -> Result<String, String> {
        explain::page(self.question.source(), what).map_err(in_words)
    }

    fn choose(&mut self, filter: &str) -> Result<DryRun, String> {
        self.chosen = None;
        if self.question.source().is_file() {
            return Err("This is read from a file: nothing of it can be destroyed.".to_owned());
        }
        let mut chosen = Chosen::find(filter, false).map_err(in_words)?;
        let dry = chosen.with(|plan, _| dry_run(plan, filter));
        self.chosen = Some(chosen);
        dry.map_err(in_words)
    }

    fn destroy(&mut self) -> Result<String, String> {
        let chosen = self.chosen.take();
        let mut chosen = chosen.ok_or_else(|| "Nothing was chosen.".to_owned())?;
        chosen
            .with(|plan, destroyer| Ok(destroy(plan, destroyer)))
            .map_err(in_words)
    }
}

fn in_words(failure: Failure) -> String {
    let help = failure
        .help
        .map_or_else(String::new, |help| format!(": {help}"));
    format!("{}{help}", failure.what)
}

fn dry_run(plan: &Plan<'_>, filter: &str) -> Result<DryRun, Failure> {
    let mut page = String::new();
    kill::write(plan, filter, &mut page).map_err(io::Error::other)?;
    Ok(DryRun {
        page,
        sockets: plan.targets.len(),
    })
}

fn destroy(plan: &Plan<'_>, destroyer: &mut Destroyer) -> String {
    let mut pace = Pace::new(Rate::default());
    let (mut done, mut gone) = (0_usize, 0_usize);
    for target in &plan.targets {
        pace.wait();
        match destroyer.destroy(target.cookie) {
            Outcome::Destroyed => done += 1,
            Outcome::Gone => gone += 1,
            Outcome::NotPermitted | Outcome::Failed(_) => {}
        }
    }
    let all = plan.targets.len();
    let left = all - done - gone;
    let mut told = vec![format!("Destroyed {done} of {all}.")];
    if gone > 0 {
        told.push(format!("{gone} had ended by themselves."));
    }
    if left > 0 {
        told.push(format!(
            "{left} could not be: `finback kill --format json` says why."
        ));
    }
    told.join(" ")
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
