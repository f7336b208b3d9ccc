//! Live tests: the daemon, the kernel that this runs on, and real programs.
//!
//! Runs as root, on the host through `cargo xtask test` and, the same binary, in guests. The environment says what
//! to test; see `setting`. A test skips only for a named feature that the kernel or the machine lacks, and prints
//! `skip: TEST: REASON`.

#[cfg(test)]
mod daemon;
#[cfg(test)]
mod netns;
#[cfg(test)]
mod program;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod wire;

use std::process::ExitCode;

use libtest_mimic::Trial;

use scenario::{
    before, command, crowd, ends, family, half_close, namespace, overflow, owner, table, tcpstates,
    verdict,
};
use trial::{alone, watching};

fn main() -> ExitCode {
    let mut trials = of_the_flavour();
    if !setting::setting().only_flavour {
        trials.extend(of_the_agent());
    }
    trial::run(trials)
}

/// What the flavour decides, in the order in which they run.
fn of_the_flavour() -> Vec<Trial> {
    vec![
        watching("eof_unread", verdict::eof_unread),
        watching("not_closed", verdict::not_closed),
        watching("eof_not_requested", verdict::eof_not_requested),
        watching("never_accepted", verdict::never_accepted),
        watching("client_unread", verdict::client_unread),
        watching("client_not_closed", verdict::client_not_closed),
        watching("ipv6", family::ipv6),
        watching("v4_mapped", family::v4_mapped),
        watching("inherited_by_fork", owner::inherited_by_fork),
        watching("right_process_in_a_crowd", owner::right_process_in_a_crowd),
        watching("same_tuple_in_two_namespaces", namespace::same_tuple_twice),
        watching("time_wait", namespace::time_wait),
        watching("draining_half_close", half_close::draining),
        watching("process_exited", ends::process_exited),
        watching("peer_reset", ends::peer_reset),
        watching("destroyed", ends::destroyed),
        alone("whole_stream_is_valid", table::whole_stream),
        alone("sockets_older_than_the_agent", before::sockets_before_start),
        alone("every_hook_fires", table::every_hook_fires),
        alone("doctor", table::doctor),
        alone("same_as_tcpstates", tcpstates::comparison),
    ]
}

/// What is the same however the programs are attached.
fn of_the_agent() -> Vec<Trial> {
    vec![
        alone("thousands_of_short_connections", crowd::short_connections),
        alone("lost_and_repaired", overflow::lost_and_repaired),
        alone("without_capabilities", command::without_capabilities),
        alone("wrong_ring_size", command::wrong_ring_size),
        alone("unknown_config_key", command::unknown_config_key),
        alone("second_daemon", command::second_daemon),
        alone("closed_output", command::closed_output),
        alone("interrupted", command::interrupted),
        alone("flavour_that_is_not_there", command::missing_flavour),
    ]
}
