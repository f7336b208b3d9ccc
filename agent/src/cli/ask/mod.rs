//! Commands that ask: of the daemon, of the kernel itself, or of a file.

mod args;
pub(super) mod check;
pub(super) mod findings;
pub(super) mod incidents;
pub(super) mod ls;
mod show;
pub(super) mod top;

pub(super) use self::args::{HistoryFolder, Question, QuestionArgs, SourceArgs};
pub(super) use self::show::unless_gone;
use crate::source;

use super::exit::{Code, Failure};

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Self {
        let help = match error {
            source::Error::Kernel(error) => return error.into(),
            source::Error::Client(error) => return error.into(),
            source::Error::History(error) => return error.into(),
            source::Error::Refused { status: 404, .. } | source::Error::Answer(_) => {
                "it is of another version: restart it, or look without it (--no-daemon)"
            }
            source::Error::Refused { .. } => {
                "is it ending? try again, or look without it (--no-daemon)"
            }
            source::Error::Line { .. } => {
                "a file holds one JSON object per line, as finback writes them"
            }
            source::Error::Unreadable { .. } => {
                "name another file with --input, or `-` for standard input"
            }
            source::Error::Runtime(_) | source::Error::Output(_) => "try again",
        };
        Self::new(Code::Failed, &error, help)
    }
}
