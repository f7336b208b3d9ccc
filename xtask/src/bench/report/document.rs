//! `docs/performance.md`, written by the program that measures.

use anyhow::Result;

use super::super::guest::Baseline;
use super::data::{Method, Report};
use super::host::Host;
use super::table;
use crate::table::Table;
use crate::workspace;

const PATH: &str = "docs/performance.md";
const HEAD: &str = "\
# Performance

Written by `cargo xtask bench --write-docs`; do not edit. Absolute numbers belong to the machine below, ratios are what
counts: everything in one table was measured in one run, side by side.

";
const METHOD: &str = "\
## Method
- **Short connections**: on each processor one client thread and one server thread, both pinned to it, connect, send 64
  bytes there and back, and close, the client first. Both ends are on this host, so each connection is two sockets.
- **Pairs**: every burst with something attached lies between two bursts with nothing attached and is compared with
  their mean. All variants take turns, starting with another one each round.
- **Value and error**: the mean of the middle half of the rounds, and its standard error (winsorised). What is within
  two errors of zero is called noise. The first row of each network, nothing against nothing, shows what the method
  cannot tell.
- **By CPU time** compares the CPU time that all threads of load and program used per connection or byte: other work on
  the machine moves it less than it moves the rate. Short connections are judged by their rate, bulk streams by the one
  with the smaller error.
- **Its CPU** is user and system time of the program's own threads per connection, until it has worked off what the burst
  left.
- **Rivals** are `tcplife` and `tcpstates` of libbpf-tools. Whatever a program writes is read from a pipe and thrown
  away.
- **Empty program**: two instructions on `inet_sock_set_state`. No tool that is told of every change of state costs less.
- **Map entries** are counted from outside, in the kernel's maps, with 1,000 held connections; ring bytes are the
  advance of the ring's producer.
- **Instructions** are counted in guests whose clock advances by one nanosecond per instruction. They repeat to 0.1 %
  on any machine; `--guest-instructions --check` fails when one rises by more than 3 %, or when the verifier needs twice
  the instructions for a program.
- **Growth**: connections between two network namespaces, held by processes of their own. `ss` runs once in each
  namespace; finback sees both at once.

";

/// Writes it into the repository.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write(report: &Report, guests: &Baseline) -> Result<()> {
    let path = workspace::root().join(PATH);
    workspace::write_atomically(&path, &text(report, guests))?;
    eprintln!("xtask: wrote {}", path.display());
    Ok(())
}

fn text(report: &Report, guests: &Baseline) -> String {
    let tables = table::all(report, guests);
    let sections: String = tables.iter().map(section).collect();
    let missing = report
        .missing
        .iter()
        .map(|(what, why)| format!("- {what}: {why}\n"));
    let missing: String = missing.collect();
    let mut text = HEAD.to_owned() + &facts(&report.host, &report.method) + METHOD + &sections;
    if !missing.is_empty() {
        text = text + "## Not measured\n" + &missing;
    }
    text.trim_end().to_owned() + "\n"
}

fn section(table: &Table) -> String {
    format!("## {}\n\n{}\n", table.title, table.markdown())
}

fn facts(host: &Host, method: &Method) -> String {
    format!(
        "- {} processors ({}), {} MiB, Linux {}\n\
         - {}, source {}\n\
         - {} rounds, bursts of {} ms, idle for {} s, `--attach {}`\n\
         - load of the machine in the minute before {:.1} and in the last one {:.1}\n\n",
        host.cpus,
        host.cpu,
        host.memory_mib,
        host.kernel,
        host.date,
        host.commit,
        method.rounds,
        method.burst_ms,
        method.idle_seconds,
        method.flavour,
        host.load_before,
        host.load_after,
    )
}
