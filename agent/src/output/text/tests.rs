use std::sync::Arc;
use std::time::Duration;

use super::mark::Style;
use super::word::Human;
use super::write;
use crate::output::json::{self, About};
use crate::output::samples;
use crate::process::{Container, Pod, Workload};
use finback_core::model::event::Body;
use finback_core::model::finding::{Action as CoreAction, Severity, Verdict};
use finback_core::model::incident::Incident;
use finback_core::model::socket::Role;

const PLAIN: Style = Style {
    color: false,
    width: None,
};

const COLORED: Style = Style {
    color: true,
    width: None,
};

fn text(name: &str, style: Style) -> String {
    let (_, event) = samples::wire()
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    let mut out = String::new();
    write(&event, style, &mut out).unwrap();
    out
}

#[test]
fn lines_are_aligned_with_the_heading() {
    let hello = text("hello", PLAIN);
    let heading = hello.lines().last().unwrap();
    assert_eq!(
        hello.lines().next(),
        Some("finback 0.1.0 on web-1, Linux 6.12.48+deb13-amd64")
    );
    assert!(hello.contains("not available here: segment (see finback doctor)"));
    let line = text("transition", PLAIN);
    assert_eq!(
        line,
        "13:25:44.123    4711 python3         192.0.2.10:8080       198.51.100.7:51234    ESTABLISHED -> CLOSE_WAIT       1500.000\n"
    );
    for (column, value) in [
        ("LADDR", "192.0.2.10:8080"),
        ("RADDR", "198.51"),
        ("OLD", "ESTABLISHED"),
    ] {
        assert_eq!(heading.find(column), line.find(value), "{column}");
    }
    assert_eq!(
        text("eof", PLAIN),
        "13:25:44.123    4711 python3         192.0.2.10:8080       198.51.100.7:51234    end-of-stream delivered            0.080\n"
    );
}

#[test]
fn a_finding_is_a_marked_paragraph() {
    assert_eq!(
        text("finding", PLAIN),
        "\
13:25:54.123 INFO #1 eof_unread (proven), opened: python3[4711]
    192.0.2.10:8080 <- 198.51.100.7:51234  CLOSE_WAIT since 13:25:44.123 (10.0 s)
    in shop.service
    python3[4711] has not read from 198.51.100.7:51234 since it hung up 10 s ago
    held by python3[4711] fd 7
    evidence: threshold 10.0 s, 1 B unread (the FIN counts as one), 0 B unacknowledged, 0 B sent since the FIN, end-of-stream delivered 0 times, accepted
    hint: read until the end-of-stream and close, or set a read timeout
"
    );
    assert!(text("resolved", PLAIN).starts_with(
        "13:25:59.123 RESOLVED #1 eof_unread (proven), resolved: closed_by_app: python3[4711]\n"
    ));
}

/// A finding and an incident of a process that is part of this.
fn part_of(workload: Workload) -> [String; 2] {
    let known = samples::described(workload);
    let about = About {
        processes: Some(&known),
        ..About::default()
    };
    let shown = |event| {
        let mut out = String::new();
        let wire = json::event(&event, 1, samples::CLOCK, about);
        write(&wire, PLAIN, &mut out).unwrap();
        out
    };
    [samples::finding(CoreAction::Opened), samples::incident()].map(shown)
}

#[test]
fn a_process_is_placed_in_its_pod_else_in_its_container() {
    let mut pod = Pod {
        uid: "0b1c2d3e".into(),
        name: Some("web-0".into()),
        namespace: Some("shop".into()),
        container: Some("app\x1b[2J".into()),
    };
    let mut container = Container {
        id: "3f1c7f1f0a4f3d0f6c9a".into(),
        name: None,
        runtime: None,
        service: None,
    };
    let shown = |pod: Option<&Pod>, container: &Container| {
        part_of(Workload {
            unit: Some("x.service".into()),
            container: Some(container.clone()),
            pod: pod.cloned(),
            ..Workload::default()
        })
    };
    let [finding, incident] = shown(Some(&pod), &container);
    let part = "pod shop/web-0, container app?[2J";
    assert!(finding.contains(&format!("\n    in {part}\n")), "{finding}");
    let line = format!("python3[4711], {part}: python3 -m shop");
    assert!(incident.contains(&line), "{incident}");
    (pod.name, pod.namespace, pod.container) = (None, None, None);
    let [finding, _] = shown(Some(&pod), &container);
    assert!(finding.contains("    in pod 0b1c2d3e\n"), "{finding}");
    let [finding, _] = shown(None, &container);
    assert!(
        finding.contains("    in container 3f1c7f1f0a4f\n"),
        "{finding}"
    );
    container.name = Some("web".into());
    let [finding, _] = shown(None, &container);
    assert!(finding.contains("    in container web\n"), "{finding}");
}

/// An incident on a terminal of 80 columns.
fn on_terminal(edit: impl FnOnce(&mut Incident)) -> String {
    let mut event = samples::incident();
    if let Body::Incident(incident) = &mut event.body {
        edit(Arc::make_mut(incident));
    }
    let about = About {
        processes: Some(samples::descriptions()),
        opened_at: &[(12, samples::stacks()[0].clone())],
        ..About::default()
    };
    let terminal = Style {
        color: false,
        width: Some(80),
    };
    let mut out = String::new();
    let wire = json::event(&event, 1, samples::CLOCK, about);
    write(&wire, terminal, &mut out).unwrap();
    let widest = out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{out}");
    assert!(out.lines().count() <= 6, "{out}");
    out
}

const HINT: &str = "The receiving side is not being read: a handler may still be at work for a client that has gone, \
                    or it is blocked, or an event loop has dropped the descriptor.";

#[test]
fn an_incident_is_six_lines_of_eighty_columns_at_most() {
    let text = on_terminal(|incident| incident.hint = HINT.to_owned());
    assert_eq!(
        text,
        "\
13:32:44.123 WARNING 1c5f0d5e8a534c3b rising: python shop in shop.service
    python3[4711]: python3 -m shop --port 8080
    port 8080 <- 198.51.100.7 (12), 198.51.100.8 (2)
    14 for 7 min 00 s; 2.1 more a minute; 211 of 1024 fds, full in 6 h 24 min
    13 eof_unread, 1 not_closed; 12 opened in take_one (src/shop.c:42); 13 epol…
    The receiving side is not being read: a handler may still be at work for a…
"
    );
}

#[test]
fn a_client_s_incident_names_its_servers_and_the_hint_takes_the_lines_that_are_left() {
    let text = on_terminal(|incident| {
        incident.hint = HINT.to_owned();
        incident.severity = Severity::Info;
        incident.reason = None;
        incident.cause.role = Role::Client;
        incident.peers = vec![("198.51.100.7:5432".parse().unwrap(), 14)];
        (incident.descriptors, incident.rate, incident.rising) = (None, None, false);
        (incident.verdicts, incident.waits) = (vec![(Verdict::StalePooled, 14)], Vec::new());
        incident.processes.clear();
    });
    assert_eq!(
        text,
        "\
13:32:44.123 INFO 1c5f0d5e8a534c3b python shop in shop.service
    -> 198.51.100.7:5432 (14)
    14 for 7 min 00 s
    14 stale_pooled; 12 opened in take_one (src/shop.c:42)
    The receiving side is not being read: a handler may still be at work for a
    client that has gone, or it is blocked, or an event loop has dropped the de…
"
    );
}

#[test]
fn an_incident_that_is_over_or_has_only_new_numbers_is_one_line() {
    assert_eq!(
        on_terminal(|incident| incident.action = CoreAction::Resolved),
        "13:32:44.123 RESOLVED 1c5f0d5e8a534c3b python shop in shop.service: over, 15 co…\n"
    );
    assert_eq!(
        on_terminal(|incident| {
            incident.severity_change = None;
            (incident.descriptors, incident.rate, incident.rising) = (None, None, false);
        }),
        "13:32:44.123 WARNING 1c5f0d5e8a534c3b python shop in shop.service: 14 for 7 min…\n"
    );
}

#[test]
fn the_proof_is_complete_and_says_nothing_of_zero() {
    let mut event = samples::finding(CoreAction::Opened);
    if let Body::Finding { finding, .. } = &mut event.body {
        let evidence = &mut Arc::make_mut(finding).evidence;
        (evidence.retransmits, evidence.backoff, evidence.probes) = (Some(5), Some(3), Some(2));
        (evidence.window_bytes, evidence.error) = (Some(4_096), Some(104));
        evidence.threshold = Duration::ZERO;
    }
    let mut out = String::new();
    let wire = json::event(&event, 1, samples::CLOCK, About::default());
    write(&wire, PLAIN, &mut out).unwrap();
    let proof = "receive window 4096 B, 5 retransmissions unanswered, back-off 3, 2 probes unanswered, \
                 error Connection reset by peer (os error 104)";
    assert!(out.contains(proof), "{out}");
    assert!(!out.contains("threshold"), "{out}");
}

#[test]
fn a_stack_is_a_line_for_the_thread_and_one_for_each_call() {
    let text = text("stacks", PLAIN);
    let stacks = "    held by python3[4711] fd 7
    accepted by worker[4713] at 13:25:42.123
        accept4 /usr/lib/x86_64-linux-gnu/libc.so.6
        take_one src/shop.c:42
        serve src/shop.c:61
        /opt/vendor/libpool.so+0x1d20 (no_symbols)
        …
    now worker[4713] in epoll_wait (moved)
    evidence:";
    assert!(text.contains(stacks), "{text}");
}

#[test]
fn loss_and_repair_are_one_line_each() {
    assert_eq!(
        text("lost", PLAIN),
        "13:25:44.123 LOST 117 records (ring_full) since 13:25:44.083\n"
    );
    assert_eq!(
        text("resync", PLAIN),
        "13:25:44.133 RESYNC 2048 sockets compared with the kernel in 4.2 ms, 3 corrected\n"
    );
}

#[test]
fn colour_only_where_allowed() {
    assert!(!text("finding", PLAIN).contains('\x1b'));
    assert!(text("finding", COLORED).contains("\x1b[36mINFO\x1b[0m"));
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let mut event = samples::transition();
    samples::rename(&mut event, "\x1b[2Jevil\n");
    let mut out = String::new();
    let wire = json::event(&event, 1, samples::CLOCK, About::default());
    write(&wire, PLAIN, &mut out).unwrap();
    assert!(out.contains("?[2Jevil?"));
    assert_eq!(out.lines().count(), 1);
}

#[test]
fn an_updated_finding_says_so() {
    let event = samples::finding(CoreAction::Updated);
    let mut out = String::new();
    write(
        &json::event(&event, 1, samples::CLOCK, About::default()),
        PLAIN,
        &mut out,
    )
    .unwrap();
    assert!(out.contains(", updated: python3[4711]"), "{out}");
}

#[test]
fn durations_have_readable_units() {
    for (duration, expected) in [
        (Duration::from_micros(1500), "1.5 ms"),
        (Duration::from_millis(9900), "9.9 s"),
        (Duration::from_secs(130), "2 min 10 s"),
        (Duration::from_mins(63), "1 h 03 min"),
        (Duration::from_hours(25), "1 d 01 h"),
    ] {
        assert_eq!(Human(duration).to_string(), expected);
    }
}
