use serde_json::json;

use super::*;
use crate::output::samples;

fn in_state(state: &str) -> Event<'static> {
    samples::socket(|line| line["network"]["connection"]["state"] = json!(state))
}

fn plan<'e>(lines: &'e [Event<'static>], listeners: bool) -> Plan<'e> {
    Plan::of(lines, listeners, |cookie| cookie == 4242)
}

fn refusal(line: Event<'static>) -> Refusal {
    let lines = [line];
    let plan = plan(&lines, false);
    assert!(plan.targets.is_empty());
    *plan.refused.first_key_value().unwrap().0
}

#[test]
fn what_cannot_be_destroyed_is_refused_with_its_reason() {
    assert_eq!(refusal(in_state("time_wait")), Refusal::TimeWait);
    assert_eq!(refusal(in_state("closed")), Refusal::Closed);
    assert_eq!(refusal(in_state("listen")), Refusal::Listener);
    let orphan = samples::socket(|line| {
        line["network"]["connection"]["state"] = json!("fin_wait_2");
        line["listed"] = json!({});
    });
    assert_eq!(refusal(orphan), Refusal::NoDescriptor);
    let stranger = samples::socket(|line| line["socket"]["cookie"] = json!(4243));
    assert_eq!(refusal(stranger), Refusal::NoCookie);
    let nameless = samples::socket(|line| {
        line["socket"].as_object_mut().unwrap().remove("cookie");
    });
    assert_eq!(refusal(nameless), Refusal::NoCookie);
}

#[test]
fn a_listener_is_destroyed_only_if_it_is_asked_for() {
    let lines = [in_state("listen")];
    assert_eq!(plan(&lines, false).targets.len(), 0);
    assert_eq!(plan(&lines, true).targets.len(), 1);
}

#[test]
fn one_that_waits_to_be_accepted_has_no_descriptor_and_can_be_destroyed() {
    let lines = [samples::socket(|line| {
        line["listed"] = json!({"queued": true});
    })];
    assert_eq!(plan(&lines, false).targets.len(), 1);
}

fn page(lines: &[Event<'static>], filter: &str) -> String {
    let mut text = String::new();
    write(&plan(lines, true), filter, &mut text).unwrap();
    text
}

#[test]
fn the_dry_run_says_how_many_whose_and_what_they_feel() {
    let lines = [
        in_state("close_wait"),
        in_state("close_wait"),
        in_state("established"),
        in_state("time_wait"),
        in_state("closed"),
    ];
    let expected = "\
3 sockets match `pid = 4711`:

  COUNT  STATE        PROCESS
      2  CLOSE_WAIT   shop[4711]
      1  ESTABLISHED  shop[4711]

What the programs will feel:
  after the peer's FIN (CLOSE_WAIT):
    read gives what waits, then 0 (end of stream), as before; the first write
    fails with ECONNABORTED, every later one with EPIPE; poll and epoll wake
    with ERR and HUP. Port, buffers and peer are free: the peer gets a reset.
  open (ESTABLISHED and the like):
    read gives what waits, then read (also one that is waiting) or write,
    whichever is first, fails with ECONNABORTED; after that read gives 0 and
    write fails with EPIPE; poll and epoll wake with ERR and HUP. The peer gets
    a reset (ECONNRESET).

The descriptor stays with the process until it closes it. So this does not cure
\"too many open files\", and what is left is a socket that ss does not show
(finback does, as CLOSE).

Not destroyed:
  1 in TIME_WAIT: no program has them any more, and they end by themselves
  within a minute
  1 closed but held: their connection is over and the kernel does not list them
  any more; what is left is a descriptor, and only its process can close that
";
    assert_eq!(page(&lines, "pid = 4711"), expected);
}

#[test]
fn nothing_that_matches_is_a_sentence() {
    assert_eq!(
        page(&[], "pid = 1\u{1b}"),
        "No socket matches `pid = 1?`.\n"
    );
    let text = page(&[in_state("time_wait")], "all");
    assert!(
        text.starts_with("No socket that matches `all` can be destroyed.\n\nNot destroyed:\n"),
        "{text}"
    );
}

#[test]
fn no_line_is_wider_than_eighty_columns_and_no_name_commands_the_terminal() {
    let states = [
        "established",
        "close_wait",
        "syn_sent",
        "listen",
        "closed",
        "time_wait",
    ];
    let mut lines: Vec<Event<'static>> = states.into_iter().map(in_state).collect();
    lines.push(samples::socket(|line| {
        line["process"]["comm"] = json!("\u{1b}[2J");
    }));
    lines.push(samples::socket(|line| {
        line["listed"] = json!({"queued": true});
    }));
    let text = page(&lines, "all");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
}
