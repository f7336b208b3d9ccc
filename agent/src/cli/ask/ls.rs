//! `finback ls`: every socket with its owner, its age and what is wrong with it.

use clap::{Args, ValueEnum as _};

use super::args::{Question, QuestionArgs};
use super::show::{Form, Out, ShowArgs, unless_gone};
use crate::cli::exit::Failure;
use crate::output::json::Event;
use crate::output::table::{Groups, Key, Row, sockets};
use crate::source::Wanted;

/// Arguments of `finback ls`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  finback ls                                 every socket, as ss -tanp, and those that ss does not show
  finback ls state close-wait                what its peer has ended
  finback ls state closed age '>' 1h         over for an hour, and the descriptor still open
  finback ls --by comm,peer                  who has how many with whom
  finback ls --by port --watch 5s            what becomes more
  finback ls --by stack verdict any          which lines have opened what leaks (needs a daemon with --stacks)
  finback ls --format csv > sockets.csv

State, Recv-Q and Send-Q are those of ss. CLOSED are connections that are over and whose descriptor is still open: ss
shows none of them, lsof says `can't identify protocol` or `protocol: TCP`. Age is the time in this state; `≥` where only
the least is known: since the peer was last heard.")]
pub(in crate::cli) struct Ls {
    /// Count by these, separated by commas, instead of listing
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KEYS")]
    by: Vec<Key>,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    question: QuestionArgs,
}

impl Ls {
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        let mut before = None;
        self.show.again(|out| {
            let mut source = self.question.open(true)?;
            if self.by.is_empty() {
                return self.list(&mut source, out);
            }
            let groups = self.count(&mut source)?;
            self.groups(&groups, before.as_ref(), out)?;
            before = Some(groups);
            Ok(())
        })
    }

    fn list(&self, source: &mut Question, out: &mut Out) -> Result<(), Failure> {
        if self.show.form() == Form::Json {
            return unless_gone(source.each(Wanted::Sockets, &mut |event| out.line(event)));
        }
        let mut rows = Vec::new();
        let mut take = |event: &Event<'_>| {
            rows.extend(Row::of(event));
            Ok(())
        };
        source.each(Wanted::Sockets, &mut take)?;
        rows.sort_by(|one, other| (one.state, &one.local).cmp(&(other.state, &other.local)));
        if self.show.form() == Form::Csv {
            return csv(&rows, self.show.header(), out);
        }
        let table = sockets(rows);
        out.text(&table.render(self.show.header(), self.show.width()))
    }

    fn count(&self, source: &mut Question) -> Result<Groups, Failure> {
        let mut groups = Groups::new(self.by.clone());
        if groups.need_findings() {
            source.each_of_all(Wanted::Findings, &mut |event| {
                groups.add_finding(event);
                Ok(())
            })?;
        }
        let mut take = |event: &Event<'_>| {
            groups.add(event);
            Ok(())
        };
        source.each(Wanted::Sockets, &mut take)?;
        Ok(groups)
    }

    fn groups(
        &self,
        groups: &Groups,
        before: Option<&Groups>,
        out: &mut Out,
    ) -> Result<(), Failure> {
        if self.show.form() == Form::Text {
            let table = groups.table(before);
            return out.text(&table.render(self.show.header(), self.show.width()));
        }
        let keys: Vec<String> = self.by.iter().copied().filter_map(name).collect();
        for (values, group) in groups.sorted() {
            let of: serde_json::Map<_, _> = keys
                .iter()
                .zip(values)
                .map(|(key, value)| (key.clone(), value.as_str().into()))
                .collect();
            let line = serde_json::json!({ "by": of, "group": group });
            out.text(&format!("{line}\n"))?;
        }
        Ok(())
    }
}

fn name(by: Key) -> Option<String> {
    Some(by.to_possible_value()?.get_name().to_owned())
}

fn csv(rows: &[Row], header: bool, out: &mut Out) -> Result<(), Failure> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(header)
        .from_writer(out.writer());
    for row in rows {
        if let Err(error) = writer.serialize(row) {
            return crate::cli::exit::quietly(Err(error.into()));
        }
    }
    crate::cli::exit::quietly(writer.flush())
}
