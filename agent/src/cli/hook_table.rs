//! The table of `finback doctor`: what this kernel offers, and how each signal is learnt.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use super::exit::{Failure, quietly};
use crate::kernel::load::report::{
    HookReport, HookRow, HookStatus, Means, SignalReport, SnapshotReport, StackReport,
};

/// Writes the table to standard output.
pub(super) fn print(report: &HookReport) -> Result<(), Failure> {
    let mut text = String::new();
    table(report, &mut text).map_err(io::Error::other)?;
    quietly(io::stdout().lock().write_all(text.as_bytes()))
}

fn table(report: &HookReport, out: &mut String) -> fmt::Result {
    let HookReport {
        kernel,
        signals,
        snapshot,
        stacks,
        limits,
        unproven,
    } = report;
    writeln!(
        out,
        "finback {} on Linux {kernel}",
        env!("CARGO_PKG_VERSION")
    )?;
    match snapshot {
        SnapshotReport::Iterator => {
            writeln!(out, "sockets and holders: by the kernel's iterator")?;
        }
        SnapshotReport::Proc { reason } => {
            writeln!(out, "sockets and holders: from /proc ({})", line(reason))?;
        }
    }
    match stacks {
        StackReport::Off => {}
        StackReport::Full => writeln!(out, "stacks: of openers and of blocked threads")?,
        StackReport::WithoutIterator { reason } => writeln!(
            out,
            "stacks: of openers; of blocked threads without frame pointers ({})",
            line(reason)
        )?,
        StackReport::Missing { reason } => writeln!(out, "stacks: none ({})", line(reason))?,
    }
    for limit in limits {
        writeln!(out, "limit: {}", line(limit))?;
    }
    if let Some(reason) = unproven {
        writeln!(out, "not proven: {}", line(reason))?;
    }
    writeln!(
        out,
        "\n{:<10} {:<22} {:<28} {:<11} {:<9} {:>6}",
        "SIGNAL", "BY", "HOOK", "FLAVOUR", "STATUS", "HITS"
    )?;
    signals.iter().try_for_each(|signal| rows(signal, out))
}

fn rows(signal: &SignalReport, out: &mut String) -> fmt::Result {
    write!(
        out,
        "{:<10} {:<22}",
        signal.signal.name(),
        signal.means.name()
    )?;
    if signal.hooks.is_empty() {
        writeln!(out)?;
    }
    for (index, hook) in signal.hooks.iter().enumerate() {
        if index > 0 {
            write!(out, "{:<33}", "")?;
        }
        row(hook, out)?;
    }
    if let Means::Missing { reason } = &signal.means
        && signal.hooks.is_empty()
    {
        writeln!(out, "{:<34}{}", "", line(reason))?;
    }
    Ok(())
}

fn row(hook: &HookRow, out: &mut String) -> fmt::Result {
    let flavour = hook.flavour.name();
    write!(
        out,
        " {:<28} {flavour:<11} {:<9}",
        hook.target,
        hook.status.name()
    )?;
    match &hook.status {
        HookStatus::Missing { reason } => writeln!(out, "        {}", line(reason)),
        HookStatus::Firing | HookStatus::Silent | HookStatus::Unproven => {
            writeln!(out, " {:>6}", hook.hits)
        }
    }
}

/// The kernel's words may have several lines: the verifier's log. The first says it.
fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use finback_common::hook::{Flavour, Hook, Signal};

    use super::*;

    fn hook(hook: Hook, status: HookStatus, hits: u64) -> HookRow {
        HookRow {
            program: hook.program(),
            target: hook.target(),
            hook,
            flavour: hook.flavour(),
            required: hook.required(),
            status,
            hits,
            attached: true,
            verified: None,
        }
    }

    #[test]
    fn the_table_says_what_works_and_why_not() {
        let reason = "cannot attach (errno 2)\nlong log".to_owned();
        let report = HookReport {
            kernel: "6.1.0".into(),
            signals: vec![
                SignalReport {
                    signal: Signal::State,
                    means: Means::Hooks {
                        flavour: Flavour::Tracepoint,
                    },
                    hooks: vec![
                        hook(Hook::TpSetState, HookStatus::Firing, 12),
                        hook(
                            Hook::FeSetState,
                            HookStatus::Missing {
                                reason: reason.clone(),
                            },
                            0,
                        ),
                    ],
                },
                SignalReport {
                    signal: Signal::Segment,
                    means: Means::Look,
                    hooks: vec![],
                },
                SignalReport {
                    signal: Signal::Eof,
                    means: Means::Missing { reason },
                    hooks: vec![],
                },
            ],
            snapshot: SnapshotReport::Iterator,
            stacks: StackReport::Full,
            limits: vec!["missing CAP_X: no y".into()],
            unproven: None,
        };
        let mut text = String::new();
        table(&report, &mut text).unwrap();
        let expected = format!(
            "\
finback {} on Linux 6.1.0
sockets and holders: by the kernel's iterator
stacks: of openers and of blocked threads
limit: missing CAP_X: no y

SIGNAL     BY                     HOOK                         FLAVOUR     STATUS      HITS
state      tracepoint             inet_sock_set_state          tracepoint  firing        12
                                  tcp_set_state                fentry      missing          cannot attach (errno 2)
segment    look                  
eof        missing               
                                  cannot attach (errno 2)
",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text, expected);
    }
}
