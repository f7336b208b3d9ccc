//! The budgets, and what a run says of each. Ratios count: absolute numbers belong to one machine.

use super::super::attached::Variant;
use super::super::guest::{Baseline, FLOOR};
use super::super::network::Kind;
use super::super::stats::{Estimate, median, mib};
use super::data::{Loss, Mode, Report};

/// Whether a budget is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    No,
    /// The limit is within two standard errors of what was measured.
    Unsure,
    /// The load did not reach what the budget is about.
    Unreached,
    /// Nothing was measured.
    Unknown,
}

impl Kept {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unsure => "inside the noise",
            Self::Unreached => "load too small",
            Self::Unknown => "-",
        }
    }

    fn at_most(value: f64, limit: f64) -> Self {
        if value <= limit { Self::Yes } else { Self::No }
    }

    fn within(estimate: &Estimate, limit: f64) -> Self {
        if (estimate.value - limit).abs() < 2.0 * estimate.error {
            return Self::Unsure;
        }
        Self::at_most(estimate.value, limit)
    }
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) what: String,
    pub(super) budget: String,
    pub(super) measured: String,
    pub(super) kept: Kept,
}

/// A row under construction: what it is about and its budget.
struct Row(String, String);

impl Row {
    fn new(what: impl Into<String>, budget: impl Into<String>) -> Self {
        Self(what.into(), budget.into())
    }

    /// With its value, or with the reason why it has none.
    fn line(self, result: Judged) -> Line {
        let (measured, kept) =
            result.unwrap_or_else(|reason| (format!("not measured: {reason}"), Kept::Unknown));
        Line {
            what: self.0,
            budget: self.1,
            measured,
            kept,
        }
    }
}

/// Every budget, in order.
pub(super) fn lines(report: &Report, guests: &Baseline) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut networks: Vec<Kind> = report.losses.iter().map(|one| one.network).collect();
    if networks.is_empty() {
        networks.push(Kind::Lo);
    }
    for network in networks {
        lines.extend(of_network(report, network));
    }
    lines.extend(instructions(guests));
    lines.extend(of_quiet(report));
    lines.push(burst(report));
    lines.extend(look(report));
    lines.push(start(report));
    lines
}

/// A value for a row, or the reason why there is none.
type Judged = Result<(String, Kept), String>;

/// The rows about one network.
#[derive(Clone, Copy)]
struct Over<'a> {
    report: &'a Report,
    network: Kind,
}

fn of_network(report: &Report, network: Kind) -> Vec<Line> {
    let over = Over { report, network };
    let row = |what: &str, budget: &str, judged| {
        Row::new(format!("{what}, {}", network.title()), budget).line(judged)
    };
    vec![
        row(
            "short connections lost, nobody subscribed",
            "<= 3.5 %",
            over.quiet(),
        ),
        row(
            "the same, connection lines, against tcplife",
            "<= 1/4",
            over.ratio(Variant::Connection, 0.25),
        ),
        row(
            "the same, JSON transitions, against tcplife",
            "<= 1/3",
            over.ratio(Variant::Transitions, 1.0 / 3.0),
        ),
        row(
            "agent CPU per connection, nobody subscribed",
            "0 (< 0.05 us)",
            over.agent(Variant::Quiet, 0.05),
        ),
        row(
            "agent CPU per connection, connection lines",
            "<= 2 us",
            over.agent(Variant::Connection, 2.0),
        ),
        row(
            "agent CPU per connection, JSON transitions",
            "<= 5 us",
            over.agent(Variant::Transitions, 5.0),
        ),
        row(
            "bulk stream lost, nobody subscribed",
            "noise, <= 1 %",
            over.stream(Variant::Quiet),
        ),
        row(
            "bulk stream lost, JSON transitions",
            "noise, <= 1 %",
            over.stream(Variant::Transitions),
        ),
    ]
}

impl Over<'_> {
    fn loss(self, variant: Variant) -> Result<Loss, String> {
        let loss = self.report.loss(self.network, variant).cloned();
        loss.ok_or_else(|| self.report.why(variant, "loss"))
    }

    fn quiet(self) -> Judged {
        let lost = self.loss(Variant::Quiet)?.connections;
        Ok((lost.to_string(), Kept::within(&lost, 0.035)))
    }

    fn ratio(self, variant: Variant, limit: f64) -> Judged {
        let (ours, theirs) = (self.loss(variant)?, self.loss(Variant::Tcplife)?);
        let ratio = ours.connections.over(&theirs.connections);
        let ratio = ratio.ok_or("nothing was lost")?;
        let shown = format!(
            "{} ({} against {})",
            ratio.plain(),
            ours.connections,
            theirs.connections
        );
        Ok((shown, Kept::within(&ratio, limit)))
    }

    fn agent(self, variant: Variant, limit: f64) -> Judged {
        let agent = self.loss(variant)?.agent_us;
        let shown = format!("{} us", agent.plain());
        Ok((shown, Kept::within(&agent, limit)))
    }

    fn stream(self, variant: Variant) -> Judged {
        let loss = self.loss(variant)?;
        let stream = loss.stream.sharper(loss.stream_by_cpu);
        // Noise says nothing where it is wider than what is allowed.
        let kept = if stream.is_noise() && stream.error <= 0.01 {
            Kept::Yes
        } else {
            Kept::within(&stream, 0.01)
        };
        Ok((stream.to_string(), kept))
    }
}

fn instructions(guests: &Baseline) -> Vec<Line> {
    let mut lines = Vec::new();
    for (series, guest) in guests {
        for (variant, limit) in [("tracepoint quiet", 2.0), ("fentry quiet", 1.0)] {
            let what = format!("instructions of {variant} in floors, guest {series}");
            let ratio = || {
                let ours = guest
                    .added(variant)
                    .ok_or("this kernel has no such flavour")?;
                let floor = guest.added(FLOOR).ok_or("no floor")?;
                let ratio = ours / floor;
                let shown = format!("{ratio:.1} ({:.2} %)", guest.share(variant) * 100.0);
                Ok((shown, Kept::at_most(ratio, limit)))
            };
            lines.push(Row::new(what, format!("<= {limit:.0}")).line(ratio()));
        }
    }
    if lines.is_empty() {
        let none = "run `cargo xtask bench --guest-instructions --write-baseline`".to_owned();
        lines.push(Row::new("instructions in guests", "<= 2 floors").line(Err(none)));
    }
    lines
}

fn of_quiet(report: &Report) -> Vec<Line> {
    let mode = report
        .mode(Variant::Quiet)
        .ok_or_else(|| report.why(Variant::Quiet, "daemon"));
    let of = |judge: &dyn Fn(&Mode) -> (String, Kept)| mode.clone().map(judge);
    let records = mode.clone().and_then(|mode| {
        let records = mode
            .records
            .ok_or("the status tells no number of records")?;
        let shown = format!("{records:.2} ({:.0} bytes)", mode.ring_bytes);
        Ok((shown, Kept::at_most(records, 0.005)))
    });
    let scan = mode.clone().and_then(|mode| {
        let nanos = mode.scan_ns.ok_or("no scan was told of in this run")?;
        Ok((format!("{:.2} ms", nanos / 1e6), Kept::at_most(nanos, 1e6)))
    });
    vec![
        Row::new("ring records per short connection, nobody subscribed", "0").line(records),
        Row::new("map entries per held connection, nobody subscribed", "0").line(of(&|mode| {
            let sum: f64 = mode.entries.values().sum();
            let parts = mode
                .entries
                .iter()
                .map(|(name, value)| format!("{name} {value:.2}"));
            let shown = format!("{sum:.2} ({})", parts.collect::<Vec<_>>().join(", "));
            (shown, Kept::at_most(sum, 0.005))
        })),
        Row::new("scan for candidates", "<= 1 ms").line(scan),
        Row::new("kernel tables without the ring", "<= 8 MiB").line(of(&|mode| {
            let tables = mib(mode.maps_bytes.saturating_sub(mode.rings_bytes));
            let ring = mib(mode.rings_bytes);
            let shown = format!("{tables:.1} MiB (and {ring:.1} MiB of rings)");
            (shown, Kept::at_most(tables, 8.0))
        })),
        Row::new("resident memory with 1,000 connections", "<= 20 MiB").line(of(&|mode| {
            let [idle, held, after] = mode.resident.map(mib);
            let shown =
                format!("{held:.1} MiB (idle {idle:.1}, after a saturating load {after:.1})");
            (shown, Kept::at_most(held, 20.0))
        })),
        Row::new("idle CPU", "<= 0.1 %").line(of(&|mode| {
            let shown = format!("{:.3} %", mode.idle_cpu * 100.0);
            (shown, Kept::at_most(mode.idle_cpu, 0.001))
        })),
    ]
}

fn burst(report: &Report) -> Line {
    let row = Row::new("records lost at a burst of 5 s, default ring", "0 at 1 M/s");
    let result = report.burst.as_ref().ok_or_else(|| report.reason("burst"));
    row.line(result.map(|burst| {
        let rate = burst.records / burst.seconds;
        let shown = format!(
            "{:.0} of {:.0} ({:.2} M/s reached)",
            burst.lost,
            burst.records,
            rate / 1e6
        );
        let kept = match (burst.lost > 0.0, rate >= 1e6) {
            (true, _) => Kept::No,
            (false, true) => Kept::Yes,
            (false, false) => Kept::Unreached,
        };
        (shown, kept)
    }))
}

/// On this machine, and as the part of `ss` that the budget means: 80 ms where that takes 640.
fn look(report: &Report) -> [Line; 2] {
    let step = report.crowd.iter().max_by_key(|step| step.connections);
    let step = step.ok_or_else(|| report.reason("crowd")).and_then(|step| {
        let told = !step.look.is_empty();
        told.then_some(step)
            .ok_or_else(|| "the daemon tells no time of its look".to_owned())
    });
    let here = step.clone().map(|step| {
        let ours = median(&step.look) * 1e3;
        let sockets = step
            .sockets
            .map_or_else(String::new, |n| format!(" for {n:.0} sockets"));
        let shown = format!("{ours:.0} ms{sockets} of {} connections", step.connections);
        (shown, Kept::at_most(ours, 80.0))
    });
    let against = step.map(|step| {
        let ours = median(&step.look) * 1e3;
        let ss: Vec<f64> = step.ss.iter().map(|took| took.wall * 1e3).collect();
        let ss = median(&ss);
        let part = ours / ss;
        let shown = format!("{part:.2} ({ours:.0} ms against {ss:.0} ms)");
        (shown, Kept::at_most(part, 1.0 / 8.0))
    });
    [
        Row::new("look at 50,000 connections", "<= 80 ms").line(here),
        Row::new("the same, against ss -tanp", "<= 1/8").line(against),
    ]
}

fn start(report: &Report) -> Line {
    let row = Row::new("start to first event", "<= 300 ms");
    let result = report.start.as_ref().ok_or_else(|| report.reason("start"));
    row.line(result.map(|start| {
        let millis = median(&start.first_event) * 1e3;
        (format!("{millis:.0} ms"), Kept::at_most(millis, 300.0))
    }))
}

impl Report {
    /// Why a variant has no result in a row.
    fn why(&self, variant: Variant, row: &str) -> String {
        let own = self.missing.get(variant.title()).cloned();
        own.unwrap_or_else(|| self.reason(row))
    }

    /// Why a row has no result.
    fn reason(&self, row: &str) -> String {
        let reason = self.missing.get(row).cloned();
        reason.unwrap_or_else(|| "left out of this run".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_inside_the_noise_is_neither_kept_nor_broken() {
        let near = Estimate {
            value: 0.036,
            error: 0.004,
            rounds: 9,
        };
        let far = Estimate { value: 0.2, ..near };
        assert_eq!(Kept::within(&near, 0.035), Kept::Unsure);
        assert_eq!(Kept::within(&far, 0.035), Kept::No);
    }
}
