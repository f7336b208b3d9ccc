//! Live tests: the daemon, the kernel that this runs on, and real programs.
//!
//! Runs as root, on the host through `cargo xtask test` and, the same binary, in guests. The environment says what
//! to test; see `setting`. A test skips only for a named feature that the kernel or the machine lacks, and prints
//! `skip: TEST: REASON`.

#[cfg(test)]
mod actor;
#[cfg(test)]
#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "the tests of faults need the rest of it")]
mod harness;
#[cfg(test)]
mod leaker;
#[cfg(test)]
mod scenario;

use std::process::ExitCode;

use libtest_mimic::Trial;

use harness::{
    cgroup, daemon, netns, part, program, proof, replay, setting, ss, subject, traffic, trial,
    watch, wire,
};
use scenario::{
    ask, audit, before, both, clock, command, crowd, ends, family, group, half_close, hostile,
    kill, limit, long, names, namespace, overflow, owner, privilege, protocol, reload, remedy,
    restart, stacks, steered, table, tcpstates, verdict, wait, watchdog,
};
use trial::{alone, watching};

fn main() -> ExitCode {
    if let Some(code) = leaker::asked().or_else(actor::act) {
        return code;
    }
    let mut trials = of_the_flavour();
    if !setting::setting().only_flavour {
        trials.extend(limits());
        trials.extend(of_the_agent());
        trials.extend(of_the_daemon());
        trials.extend(of_its_end());
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
        watching("both_ends_on_loopback", both::on_loopback),
        watching("both_ends_between_namespaces", both::between_namespaces),
        watching("draining_half_close", half_close::draining),
        watching("process_exited", ends::process_exited),
        watching("peer_reset", ends::peer_reset),
        watching("destroyed", ends::destroyed),
        watching("splice", limit::splice),
        watching("peek", limit::peek),
        watching("in_flight_after_eof", limit::in_flight_after_eof),
        watching("io_uring", limit::ring),
        watching("io_uring_direct", limit::ring_direct),
        watching("tls_unread", protocol::tls_unread),
        watching("tls_not_closed", protocol::tls_not_closed),
        watching("wait_state", wait::half_closed),
        alone("wait_state_open", wait::open),
        alone("whole_stream_is_valid", table::whole_stream),
        alone("sockets_older_than_the_agent", before::sockets_before_start),
        alone("every_hook_fires", table::every_hook_fires),
        alone("doctor", table::doctor),
        alone("stacks", stacks::opened_and_forgotten),
        alone("same_as_tcpstates", tcpstates::comparison),
    ]
}

/// What `docs/limitations.md` claims and no flavour changes.
fn limits() -> Vec<Trial> {
    vec![
        watching("splice_closed", limit::splice_closed),
        watching("dup", limit::dup),
        watching("in_flight", limit::in_flight),
        watching("closed_under_poll", limit::closed_under_poll),
        watching("closed_under_recv", limit::closed_under_recv),
        watching("io_uring_closed", limit::ring_closed),
        watching("io_uring_direct_unread", limit::ring_direct_unread),
        watching("io_uring_deferred", wait::ring_deferred),
        watching("mptcp_listener", protocol::mptcp_listener),
        watching("mptcp_never_accepted", protocol::mptcp_never_accepted),
        watching("mptcp", protocol::mptcp),
        watching("mptcp_client", protocol::mptcp_client),
        watching("tls_closed", protocol::tls_closed),
        watching("fast_open", protocol::fast_open),
        watching(
            "fast_open_never_accepted",
            protocol::fast_open_never_accepted,
        ),
        watching("shared_port", protocol::shared_port),
    ]
}

/// What is the same however the programs are attached.
fn of_the_agent() -> Vec<Trial> {
    vec![
        alone("thousands_of_short_connections", crowd::short_connections),
        alone("lost_and_repaired", overflow::lost_and_repaired),
        alone(
            "five_thousand_a_second_with_receive_steering",
            steered::five_thousand_a_second,
        ),
        alone("long_random_run", long::random_run),
        alone("clock_set_forward_and_back", clock::set_forward_and_back),
        alone("settings_of_a_control_group", group::of_its_own),
        alone("names_in_a_pod", names::in_a_pod),
        alone(
            "names_in_a_container_of_version_1",
            names::in_a_container_of_version_1,
        ),
        alone("wrong_ring_size", command::wrong_ring_size),
        alone("unknown_config_key", command::unknown_config_key),
        alone("stacks_of_c", stacks::c_with_and_without_symbols),
        alone("stacks_of_go", stacks::go),
        alone("stacks_of_python", stacks::python),
        alone(
            "stacks_of_a_file_that_is_cut",
            stacks::of_a_file_that_is_cut,
        ),
        alone("stacks_not_asked_for", stacks::not_asked_for),
        alone("check_on_a_bare_host", ask::check_on_a_bare_host),
        alone("check_for_monitoring", ask::check_for_monitoring),
        alone(
            "ls_has_what_the_kernel_has_and_more",
            ask::ls_has_what_the_kernel_has_and_more,
        ),
        alone(
            "the_daemon_is_asked_if_one_runs",
            ask::the_daemon_is_asked_if_one_runs,
        ),
        alone(
            "filters_select_real_sockets",
            ask::filters::filters_select_real_sockets,
        ),
        alone(
            "a_wrong_filter_is_refused",
            ask::filters::a_wrong_filter_is_refused,
        ),
        alone("top_on_a_terminal", ask::screen::top_on_a_terminal),
        alone(
            "a_reader_that_goes_is_no_failure",
            ask::a_reader_that_goes_is_no_failure,
        ),
        alone("audit", audit::without_keep_alive),
        alone("audit_settings", audit::what_settings_amount_to),
        alone("audit_as_text", audit::as_text),
        alone("kill", kill::exactly_what_was_listed),
        alone("kill_in_a_namespace", kill::in_a_namespace),
        alone("kill_in_the_stream", kill::in_the_stream),
        alone("kill_refuses", kill::what_cannot_be_destroyed),
        alone("second_daemon", command::second_daemon),
        alone("closed_output", command::closed_output),
        alone("interrupted", command::interrupted),
        alone("flavour_that_is_not_there", command::missing_flavour),
    ]
}

/// What the daemon may do, and what it is told to do while it runs.
fn of_the_daemon() -> Vec<Trial> {
    vec![
        alone("without_capabilities", command::without_capabilities),
        alone("capabilities_and_calls_given_up", privilege::given_up),
        alone("each_capability_missing", privilege::each_one_missing),
        alone("another_user_with_capabilities", privilege::another_user),
        alone("remedy_kill_heals", remedy::kill_heals),
        alone(
            "remedy_dry_run_leaves_everything",
            remedy::dry_run_leaves_everything,
        ),
        alone(
            "remedy_exec_gets_the_incident",
            remedy::exec_gets_the_incident,
        ),
        alone(
            "remedy_of_others_is_refused",
            remedy::a_command_of_others_is_refused,
        ),
        alone("hostile_names", hostile::names::of_any_bytes),
        alone(
            "hostile_program_that_is_gone",
            hostile::names::of_a_program_that_is_gone,
        ),
        alone("hostile_namespace", hostile::names::of_no_namespace),
        alone(
            "hostile_descriptors_and_processes",
            hostile::many::descriptors_and_processes,
        ),
        alone("hostile_number_again", hostile::many::the_same_number_again),
        alone("hostile_http", hostile::http::a_thousand_at_once),
        alone("reload_findings_go_on", reload::findings_go_on),
        alone(
            "reload_tells_the_service_manager",
            reload::the_service_manager_is_told,
        ),
        alone(
            "watchdog_of_a_thread_that_stands_still",
            watchdog::a_thread_that_stands_still,
        ),
    ]
}

/// What goes on when the daemon ends, and with the next one.
fn of_its_end() -> Vec<Trial> {
    vec![
        alone("restart_killed_before_ready", restart::killed_before_ready),
        alone("restart_killed_at_work", restart::killed_at_work),
        alone("restart_killed_in_a_look", restart::killed_in_a_look),
        alone(
            "restart_killed_while_it_ends",
            restart::killed_while_it_ends,
        ),
        alone("restart_ended_in_order", restart::ended_in_order),
        alone(
            "pins_go_when_they_should",
            restart::pins_go_when_they_should,
        ),
        alone("pins_are_not_believed", restart::pins_are_not_believed),
        alone(
            "two_daemons_share_no_pins",
            restart::two_daemons_share_no_pins,
        ),
        alone(
            "what_was_written_down_is_not_believed",
            restart::what_was_written_down_is_not_believed,
        ),
    ]
}
