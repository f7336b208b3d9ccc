//! Both ends of a connection, told by two hosts and joined by ClickHouse: the SQL of `docs/fleet`, run by chdb (ClickHouse
//! as a Python package) on the lines that two hosts wrote.
//!
//! `record.py` recorded the lines, `play.py` inserts them as collectors do and asks the views.

#[cfg(test)]
mod store;
#[cfg(test)]
mod trial;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Arguments;
use serde_json::Value;

use store::{Answer, Store};
use trial::trial;

fn main() -> ExitCode {
    let store = Arc::new(Store::default());
    let trials = vec![
        trial(&store, "a_leak_names_both_ends", names_both_ends),
        trial(
            &store,
            "a_client_s_dead_connections_lead_to_the_server_that_ended_them",
            leads_to_the_server,
        ),
        trial(
            &store,
            "an_earlier_connection_with_the_same_addresses_is_not_the_other_end",
            tells_lives_apart,
        ),
        trial(
            &store,
            "the_worst_services_come_first",
            worst_services_come_first,
        ),
        trial(
            &store,
            "leaks_are_counted_by_peer",
            leaks_are_counted_by_peer,
        ),
        trial(
            &store,
            "what_an_earlier_daemon_told_is_not_open_any_more",
            forgets_earlier_daemons,
        ),
        trial(
            &store,
            "every_collector_s_way_makes_the_same_rows",
            collectors_agree,
        ),
        trial(
            &store,
            "generated_copies_of_the_hosts_have_their_own_other_ends",
            copies_stay_apart,
        ),
    ];
    let mut arguments = Arguments::from_args();
    // Each of them is a ClickHouse.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}

const WEB: &str = "web-1";
const STORE: &str = "store-1";
const LEAKED: usize = 12;
const POOLED: usize = 3;

fn recorded(store: &Store) -> Result<&Answer> {
    static ANSWER: OnceLock<Answer> = OnceLock::new();
    if let Some(answer) = ANSWER.get() {
        return Ok(answer);
    }
    let answer = store.play(&[])?;
    Ok(ANSWER.get_or_init(|| answer))
}

/// The rows of `both_ends` that a host's findings have made.
fn found_by<'a>(answer: &'a Answer, host: &str) -> Vec<&'a Value> {
    let rows = answer.rows("both_ends");
    rows.iter().filter(|row| row["host"] == host).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at its callers")]
fn has(row: &Value, expected: Value) -> Result<()> {
    let expected = expected.as_object().context("no object")?;
    for (field, value) in expected {
        ensure!(row[field] == *value, "{field} is not {value} in {row:#}");
    }
    Ok(())
}

fn names_both_ends(store: &Store) -> Result<()> {
    let rows = found_by(recorded(store)?, STORE);
    ensure!(rows.len() == LEAKED, "{} leaks", rows.len());
    for row in rows {
        has(
            row,
            serde_json::json!({
                "verdict": "eof_unread",
                "role": "server",
                "service": "stock.service",
                "command_line": "/usr/bin/python3 stock.py 10.77.0.2",
                "state": "close_wait",
                "other_host": WEB,
                "other_namespace": "shop",
                "other_pod": "till-6c9f7d",
                "other_container": "app",
                "other_command_line": "/usr/bin/python3 till.py 10.77.0.1 10.77.0.2",
                "other_state": "closed",
                "other_verdict": "",
            }),
        )?;
        ensure!(row["other_pid"] != row["pid"], "{row:#}");
    }
    Ok(())
}

fn leads_to_the_server(store: &Store) -> Result<()> {
    let rows = found_by(recorded(store)?, WEB);
    ensure!(rows.len() == POOLED, "{} connections", rows.len());
    for row in rows {
        has(
            row,
            serde_json::json!({
                "verdict": "stale_pooled",
                "role": "client",
                "service": "shop/till-6c9f7d/app",
                "other_host": STORE,
                "other_unit": "stock.service",
                "other_pod": "",
                "other_command_line": "/usr/bin/python3 stock.py 10.77.0.2",
            }),
        )?;
    }
    Ok(())
}

/// The client's port 40001 was used twice, and only the second connection leaked.
fn tells_lives_apart(store: &Store) -> Result<()> {
    let rows = found_by(recorded(store)?, STORE);
    let reused: Vec<_> = rows
        .into_iter()
        .filter(|row| row["peer_port"] == 40001)
        .collect();
    let [row] = reused[..] else {
        anyhow::bail!("{} findings of that port", reused.len());
    };
    // The first one had ended before.
    let (began, ended) = (
        row["half_closed_since"].as_str(),
        row["other_ended"].as_str(),
    );
    ensure!(began.is_some() && began < ended, "{row:#}");
    Ok(())
}

fn worst_services_come_first(store: &Store) -> Result<()> {
    let [worst, next] = recorded(store)?.rows("worst_services") else {
        anyhow::bail!("two services have incidents");
    };
    has(
        worst,
        serde_json::json!({
            "workload": "stock.service", "program": "python stock.py", "role": "server", "port": 7000,
            "hosts": 1, "connections": LEAKED,
        }),
    )?;
    has(
        next,
        serde_json::json!({
            "workload": "shop/till-6c9f7d/app", "program": "python till.py", "role": "client", "port": 7000,
            "hosts": 1, "connections": POOLED,
        }),
    )
}

fn leaks_are_counted_by_peer(store: &Store) -> Result<()> {
    let [most, next] = recorded(store)?.rows("leak_by_peer") else {
        anyhow::bail!("two services have peers");
    };
    has(
        most,
        serde_json::json!({
            "service": "stock.service", "peer_address": "10.77.0.1", "peer_port": 0,
            "verdicts": ["eof_unread"], "connections": LEAKED,
        }),
    )?;
    has(
        next,
        serde_json::json!({
            "service": "shop/till-6c9f7d/app", "peer_address": "10.77.0.2", "peer_port": 7000,
            "verdicts": ["stale_pooled"], "connections": POOLED,
        }),
    )
}

/// A daemon that is started anew says hello, with a number that has been before.
fn forgets_earlier_daemons(store: &Store) -> Result<()> {
    let answer = store.play(&["--restart", STORE])?;
    ensure!(found_by(&answer, STORE).is_empty());
    ensure!(found_by(&answer, WEB).len() == POOLED);
    let workloads = answer.rows("worst_services").iter();
    let workloads: Vec<_> = workloads.map(|row| &row["workload"]).collect();
    ensure!(workloads == ["shop/till-6c9f7d/app"], "{workloads:?}");
    Ok(())
}

fn collectors_agree(store: &Store) -> Result<()> {
    let answer = store.play(&["--collector", "otel"])?;
    ensure!(answer.value() == recorded(store)?.value());
    Ok(())
}

fn copies_stay_apart(store: &Store) -> Result<()> {
    const COPIES: usize = 50;
    let answer = store.play(&["--rows", "20000", "--copies", &COPIES.to_string()])?;
    let rows = answer.rows("both_ends");
    ensure!(
        rows.len() == (COPIES + 1) * (LEAKED + POOLED),
        "{}",
        rows.len()
    );
    for row in rows {
        let (host, other) = (row["host"].as_str(), row["other_host"].as_str());
        let (host, other) = host.zip(other).context("a host has a name")?;
        let swapped = if host.starts_with(WEB) {
            host.replacen(WEB, STORE, 1)
        } else {
            host.replacen(STORE, WEB, 1)
        };
        ensure!(other == swapped, "{row:#}");
    }
    Ok(())
}
