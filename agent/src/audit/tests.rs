use serde_json::{Value, json};

use super::*;
use crate::output::json::{Guard, Holder};
use crate::output::samples;

const SECOND: u64 = 1_000_000_000;
const SCOPE: Scope = Scope {
    idle: Duration::from_mins(1),
    loopback: false,
};

const OFF: Guard = Guard {
    keep_alive: false,
    keep_alive_time_ns: None,
    keep_alive_interval_ns: None,
    keep_alive_probes: None,
    user_timeout_ns: None,
    idle_notice_ns: None,
    sending_notice_ns: Some(924_600_000_000),
};

const ON: Guard = Guard {
    keep_alive: true,
    keep_alive_time_ns: Some(60 * SECOND),
    keep_alive_interval_ns: Some(10 * SECOND),
    keep_alive_probes: Some(3),
    idle_notice_ns: Some(90 * SECOND),
    ..OFF
};

/// What differs from the sample.
#[derive(Clone, Copy)]
struct Line {
    name: &'static str,
    role: &'static str,
    state: &'static str,
    peer: (&'static str, u16),
    guard: Option<Guard>,
    idle: Option<u64>,
    change: fn(&mut Listed<'static>),
}

fn line(guard: Guard, idle: u64) -> Line {
    Line {
        name: "shop",
        role: "client",
        state: "established",
        peer: ("198.51.100.7", 5432),
        guard: Some(guard),
        idle: Some(idle * SECOND),
        change: |_| {},
    }
}

fn event(line: &Line) -> Event<'static> {
    let mut event = samples::socket(|sample: &mut Value| {
        sample["socket"]["role"] = json!(line.role);
        sample["process"]["comm"] = json!(line.name);
        let network = &mut sample["network"];
        network["local"] = json!({"address": "192.0.2.10", "port": 8080});
        network["peer"] = json!({"address": line.peer.0, "port": line.peer.1});
        network["connection"]["state"] = json!(line.state);
    });
    if let Body::Socket { listed, .. } = &mut event.body {
        (listed.guard, listed.idle_ns) = (line.guard, line.idle);
        (line.change)(listed);
    }
    event
}

fn judged(line: Line) -> Judgement {
    judge(&event(&line), SCOPE)
}

#[test]
fn an_idle_connection_without_keep_alive_never_notices() {
    assert_eq!(judged(line(OFF, 3_600)), Judgement::Never);
    assert_eq!(judged(line(ON, 3_600)), Judgement::Noticed);
    let timeout = Guard {
        user_timeout_ns: Some(SECOND),
        ..OFF
    };
    assert_eq!(judged(line(timeout, 3_600)), Judgement::Never);
    let half = Line {
        state: "fin_wait_2",
        ..line(OFF, 3_600)
    };
    assert_eq!(judged(half), Judgement::Never, "it waits for a FIN");
}

#[test]
fn what_is_sent_is_missed_if_nobody_acknowledges_it() {
    let busy = Line {
        change: |listed| listed.unacked_bytes = Some(1),
        ..line(OFF, 3_600)
    };
    assert_eq!(judged(busy), Judgement::Busy);
    assert_eq!(judged(line(OFF, 59)), Judgement::Busy);
    let silent = Line {
        idle: None,
        ..line(OFF, 0)
    };
    assert_eq!(judged(silent), Judgement::Never, "no data were ever seen");
}

#[test]
fn who_waits_for_no_peer_is_not_meant() {
    for state in ["listen", "close_wait", "time_wait", "closed"] {
        let line = Line {
            state,
            ..line(OFF, 3_600)
        };
        assert_eq!(judged(line), Judgement::NotMeant);
    }
    let changes: [fn(&mut Listed<'static>); 2] = [
        |listed| listed.queued = true,
        |listed| listed.holders = Vec::<Holder<'_>>::new(),
    ];
    for change in changes {
        let line = Line {
            change,
            ..line(OFF, 3_600)
        };
        assert_eq!(judged(line), Judgement::NotMeant);
    }
    let unknown = Line {
        guard: None,
        ..line(OFF, 3_600)
    };
    assert_eq!(judged(unknown), Judgement::Unknown);
}

#[test]
fn loopback_counts_only_if_it_is_asked_for() {
    for peer in ["127.0.0.2", "::1", "::ffff:127.0.0.1"] {
        let own = || Line {
            peer: (peer, 80),
            ..line(OFF, 3_600)
        };
        assert_eq!(judged(own()), Judgement::Loopback, "{peer}");
        let scope = Scope {
            loopback: true,
            ..SCOPE
        };
        assert_eq!(judge(&event(&own()), scope), Judgement::Never);
    }
}

fn page(lines: impl IntoIterator<Item = Line>, all: bool, most: usize) -> String {
    let mut groups = Groups::new(SCOPE);
    for line in lines {
        groups.add(&event(&line));
    }
    let mut text = String::new();
    write(&groups, all, most, &mut text).unwrap();
    text
}

fn mixture() -> Vec<Line> {
    let client = |port| Line {
        name: "a\u{1b}name",
        role: "server",
        peer: ("2001:db8:1234:5678:9abc:def0:1234:5678", port),
        ..line(OFF, 90)
    };
    let local = Line {
        peer: ("127.0.0.1", 1),
        ..line(OFF, 90)
    };
    vec![
        line(OFF, 3_600),
        line(OFF, 10_920),
        client(40_001),
        client(40_002),
        client(40_003),
        line(ON, 70),
        line(OFF, 1),
        local,
    ]
}

#[test]
fn the_table_has_the_worst_first_and_fits_eighty_columns() {
    let text = page(mixture(), true, 20);
    let expected = "\
5 of 6 connections idle for 60 s or longer would never notice that
their peer is gone: they send nothing, and keep-alive is off.

 COUNT IDLE        PROCESS                  PEER
     3 90 s        a?name[4711]
       2001:db8:1234:5678:9abc:def0:1234:5678 on port 8080
       off: never, unless it writes; then after about 15 min (tcp_retries2)
     2 3 h 2 min   shop[4711]               198.51.100.7:5432
       off: never, unless it writes; then after about 15 min (tcp_retries2)
     1 70 s        shop[4711]               198.51.100.7:5432
       keep-alive after 60 s, then 3 probes 10 s apart: notices after 90 s

Set SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, or let the
protocol ask for a sign of life. TCP_USER_TIMEOUT alone helps only what is sent.

Not shown: 1 in use a moment ago or now (--idle 0s takes fewer for that)
           1 on loopback, where the kernel has both ends (--loopback)
";
    assert_eq!(text, expected);
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_long_table_is_cut_and_says_so() {
    let text = page(mixture(), false, 1);
    assert!(text.contains("   and 1 groups more (--limit)\n"), "{text}");
    assert!(text.contains("Not shown: 1 would notice in time"), "{text}");
    assert!(!text.contains("198.51.100.7"), "{text}");
}

#[test]
fn nothing_found_is_said_in_a_sentence() {
    assert_eq!(
        page([], true, 20),
        "There is no connection idle for 60 s or longer to judge.\n"
    );
    let text = page([line(ON, 70)], false, 20);
    assert!(
        text.starts_with("All connections idle for 60 s or longer (1)"),
        "{text}"
    );
}
