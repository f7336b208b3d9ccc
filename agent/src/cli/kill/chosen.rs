//! Sockets that were chosen by a filter, and the means to destroy exactly these.

use std::io;

use crate::cli::exit::{Code, Failure};
use crate::config::{Config, Flags};
use crate::filter::Filter;
use crate::kernel::netns::destroy::{Destroyer, Lack};
use crate::kill::Plan;
use crate::output::json::{self, Event};
use crate::survey::Survey;

/// What one look has found of them.
#[derive(Debug)]
pub(in crate::cli) struct Chosen {
    destroyer: Destroyer,
    /// Their lines.
    lines: Vec<Vec<u8>>,
    listeners: bool,
}

impl Chosen {
    /// Looks for them; fails where nothing could be destroyed at all.
    pub(in crate::cli) fn find(filter: &str, listeners: bool) -> Result<Self, Failure> {
        let filter = chooser(filter)?;
        let mut destroyer = Destroyer::prepare()?;
        // After the cookies are given and before anything is promised.
        destroyer.check()??;
        Ok(Self {
            destroyer,
            lines: look(filter.as_ref())?,
            listeners,
        })
    }

    /// Hands over what can be destroyed, and the means.
    pub(in crate::cli) fn with<T>(
        &mut self,
        act: impl FnOnce(&Plan<'_>, &mut Destroyer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let lines = self.lines.iter().map(|line| serde_json::from_slice(line));
        let lines: Vec<Event<'_>> = lines.collect::<Result<_, _>>().map_err(io::Error::other)?;
        let destroyer = &mut self.destroyer;
        let plan = Plan::of(&lines, self.listeners, |cookie| destroyer.knows(cookie));
        act(&plan, destroyer)
    }
}

/// The lines of the sockets that are meant, as one look finds them now.
fn look(chosen: Option<&Filter>) -> Result<Vec<Vec<u8>>, Failure> {
    let config = Config::load(None, Flags::default())?;
    let mut kept = Vec::new();
    Survey::take(&config, true)?.sockets(&mut |event| {
        if chosen.is_none_or(|filter| filter.selects(event)) {
            let mut line = Vec::new();
            json::write_line(event, &mut line)?;
            kept.push(line);
        }
        Ok(())
    })?;
    Ok(kept)
}

/// Which lines are meant; `None` for all.
fn chooser(text: &str) -> Result<Option<Filter>, Failure> {
    if text == "all" {
        return Ok(None);
    }
    Ok(Some(text.parse()?))
}

impl From<Lack> for Failure {
    fn from(lack: Lack) -> Self {
        match lack {
            Lack::Permission => Self::new(Code::NotPermitted, lack, "run as root"),
            Lack::Support => Self::new(
                Code::KernelLacks,
                lack,
                "end or restart the process instead: `finback explain` says which, and why",
            ),
        }
    }
}
