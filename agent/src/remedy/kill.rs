//! Destroys connections of an incident: those that have a finding of it, as one look finds them now, and no other.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::case::Case;
use super::outcome::Outcome;
use crate::filter::Filter;
use crate::kernel::netns::destroy;
use crate::kernel::netns::destroy::Destroyer;
use crate::kill::Plan;
use crate::output::json::{self, Body, Decision, Event, Holder, List, RemedyConnections};
use crate::process::Descriptions;
use crate::server::{Queries, Shown};

/// Between two connections: not all of those at the other end are to come back at once.
const PAUSE: Duration = Duration::from_millis(10);

/// Processes whose connections carry whoever is at work on this host (OpenSSH).
const SHELLS: [&str; 3] = ["sshd", "sshd-session", "sshd-auth"];

/// Which connections, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) connections: Option<&'a Filter>,
    pub(super) most: u32,
    pub(super) dry_run: bool,
}

/// Why a connection is left alone, and how many are.
type Refused = BTreeMap<&'static str, u64>;

impl Call<'_> {
    pub(super) async fn run(self, case: &Case<'_>, queries: &Queries) -> Outcome {
        match self.try_run(case, queries).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::failed(error),
        }
    }

    async fn try_run(self, case: &Case<'_>, queries: &Queries) -> io::Result<Outcome> {
        // Before the look: this gives every socket the cookie by which it is destroyed.
        let mut destroyer = Destroyer::prepare()?;
        if let Err(lack) = destroyer.check()? {
            return Ok(Outcome::failed(lack));
        }
        let lines = self.look(case, queries).await?;
        let lines = lines.iter().map(|line| serde_json::from_slice(line));
        let lines: Vec<Event<'_>> = lines.collect::<Result<_, _>>().map_err(io::Error::other)?;
        let mut refused = Refused::new();
        let safe = lines.iter().filter(|line| match danger(line) {
            Some(reason) => {
                *refused.entry(reason).or_default() += 1;
                false
            }
            None => true,
        });
        let plan = Plan::of(safe, false, |cookie| destroyer.knows(cookie));
        for (why, count) in &plan.refused {
            *refused.entry(why.reason()).or_default() += count;
        }
        let matched = lines.len() as u64;
        Ok(self
            .carry_out(&plan, matched, &refused, &mut destroyer)
            .await)
    }

    async fn carry_out(
        self,
        plan: &Plan<'_>,
        matched: u64,
        refused: &Refused,
        destroyer: &mut Destroyer,
    ) -> Outcome {
        let targets = plan.targets.len() as u64;
        let mut counted = RemedyConnections {
            matched,
            refused: refused.values().sum(),
            ..RemedyConnections::default()
        };
        if targets == 0 {
            let what = if matched == 0 {
                "none of its connections is there any more, or selected".to_owned()
            } else {
                format!("none of {matched} connections can be destroyed")
            };
            return Outcome::refused(with(&what, refused)).of(counted);
        }
        if targets > u64::from(self.most) {
            counted.refused += targets;
            let what = format!(
                "{targets} connections would be destroyed, more than max_connections = {}: none was",
                self.most
            );
            return Outcome::refused(with(&what, refused)).of(counted);
        }
        if self.dry_run {
            counted.destroyed = targets;
            let what = format!("would destroy {targets} of {matched} connections");
            return Outcome::new(Decision::WouldDo, with(&what, refused)).of(counted);
        }
        let mut failed = None;
        for target in &plan.targets {
            match destroyer.destroy(target.cookie) {
                destroy::Outcome::Destroyed => counted.destroyed += 1,
                destroy::Outcome::Gone => counted.gone += 1,
                destroy::Outcome::NotPermitted => failed = Some("the kernel does not allow it"),
                destroy::Outcome::Failed(_) => failed = Some("the kernel refused"),
            }
            sleep(PAUSE).await;
        }
        conclude(counted, refused, failed)
    }

    /// The lines of the connections that are meant.
    async fn look(self, case: &Case<'_>, queries: &Queries) -> io::Result<Vec<Vec<u8>>> {
        let busy = || io::Error::other("the daemon does not answer: try again");
        let shown = queries.look().await.ok_or_else(busy)?;
        self.choose(case, &shown)
    }

    fn choose(self, case: &Case<'_>, shown: &Shown) -> io::Result<Vec<Vec<u8>>> {
        let (clock, defaults) = (shown.clock, &shown.defaults);
        let list = List::new(&shown.snapshot, clock, &shown.accused, defaults);
        let mut people = Descriptions::new(&shown.host_root);
        let mut chosen = Vec::new();
        list.each(&mut people, &mut |event| {
            let filter = self.connections;
            if case.has(event) && filter.is_none_or(|filter| filter.selects(event)) {
                let mut line = Vec::new();
                json::write_line(event, &mut line)?;
                chosen.push(line);
            }
            Ok(())
        })?;
        Ok(chosen)
    }
}

fn conclude(
    counted: RemedyConnections,
    refused: &Refused,
    failed: Option<&'static str>,
) -> Outcome {
    let RemedyConnections {
        matched,
        destroyed,
        gone,
        ..
    } = counted;
    let ended = match gone {
        0 => String::new(),
        gone => format!(", {gone} had ended by themselves"),
    };
    let what = format!("{destroyed} of {matched} connections destroyed{ended}");
    match failed {
        Some(why) => Outcome::failed(with(&format!("{what}, then {why}"), refused)).of(counted),
        None => Outcome::new(Decision::Done, with(&what, refused)).of(counted),
    }
}

/// With what was left alone, and why.
fn with(what: &str, refused: &Refused) -> String {
    let left = refused.iter();
    let left = left.map(|(reason, count)| format!("; left alone: {count} {reason}"));
    what.to_owned() + &left.collect::<String>()
}

/// What must not be destroyed, whatever is wrong with it.
pub(super) fn danger(line: &Event<'_>) -> Option<&'static str> {
    let Body::Socket { listed, .. } = &line.body else {
        return None;
    };
    let any = |is: fn(&Holder<'_>) -> bool| listed.holders.iter().any(is);
    if any(|holder| holder.pid == 1) {
        Some("of process 1, on which everything else rests")
    } else if any(|holder| holder.pid == std::process::id()) {
        Some("of finback itself")
    } else if any(|holder| SHELLS.contains(&&*holder.comm)) {
        Some("of sshd: whoever is at work on this host may sit at its other end")
    } else {
        None
    }
}
