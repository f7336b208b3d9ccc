use std::net::SocketAddr;

use super::*;
use crate::output::json::{Executable, Holder, write_line};
use crate::output::samples;

/// The process of the samples.
const SHOP: u32 = 4711;

/// When the sample that is resolved was.
const RESOLVED: u64 = 1_795_353_959_123_456_789;

#[derive(Debug, Default)]
struct Processes {
    members: Vec<u32>,
    ended: BTreeMap<u32, Time>,
}

impl Members for Processes {
    fn has(&mut self, pid: u32, _: Time) -> bool {
        self.members.contains(&pid)
    }

    fn ended(&self, pid: u32) -> Option<Time> {
        self.ended.get(&pid).copied()
    }
}

/// The shop, which lives.
fn shop() -> Processes {
    Processes {
        members: vec![SHOP],
        ..Processes::default()
    }
}

/// The shop, which ended so long after the sample was resolved.
fn shop_ended(after: Duration) -> Processes {
    let at = RESOLVED + u64::try_from(after.as_nanos()).unwrap();
    Processes {
        ended: BTreeMap::from([(SHOP, Time::from_unix_nanos(at))]),
        ..shop()
    }
}

fn sample(name: &str) -> Event<'static> {
    let mut all = samples::wire().into_iter();
    all.find(|(known, _)| *known == name).unwrap().1
}

fn line(event: &Event<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    write_line(event, &mut line).unwrap();
    line
}

/// The finding of the samples, resolved so.
fn resolved(why: Resolution) -> Vec<u8> {
    let mut event = sample("resolved");
    if let Body::Finding { finding, .. } = &mut event.body {
        finding.resolution = Some(why);
    }
    line(&event)
}

fn opened() -> Vec<u8> {
    line(&sample("finding"))
}

/// The connection of the samples changes; it is a client's.
fn transition(from: State, to: State, cause: Cause) -> Vec<u8> {
    let mut event = sample("transition");
    if let Body::Transition {
        subject,
        transition,
    } = &mut event.body
    {
        (transition.from, transition.to, transition.cause) = (from, to, cause);
        if let (Some(socket), Some(process)) = (&mut subject.socket, &mut subject.process) {
            socket.role = Role::Client;
            process.attribution = Attribution::Connect;
        }
    }
    line(&event)
}

fn connected() -> Vec<u8> {
    transition(State::SynSent, State::Established, Cause::Handshake)
}

/// The connection of the samples, held by this process.
fn held(pid: u32, name: &'static str, fd: u32) -> Held {
    let local: SocketAddr = "192.0.2.10:8080".parse().unwrap();
    let peer: SocketAddr = "198.51.100.7:51234".parse().unwrap();
    Held {
        local: local.into(),
        peer: peer.into(),
        netns: 4_026_531_840,
        state: State::Established,
        inode: 31_337,
        holders: vec![Holder {
            pid,
            start_time: Time::from_unix_nanos(RESOLVED),
            fd,
            comm: "shop".into(),
            executable: Executable {
                name: name.into(),
                path: None,
            },
        }],
    }
}

struct Trial {
    judge: Judge,
    processes: Processes,
}

fn trial(strict: bool, processes: Processes) -> Trial {
    let rules = Rules {
        strict,
        ..Rules::default()
    };
    Trial {
        judge: Judge::new(rules),
        processes,
    }
}

impl Trial {
    fn hear(mut self, lines: &[Vec<u8>]) -> Self {
        self.judge.hear(&lines.concat(), &mut self.processes);
        self
    }

    /// What is a leak, and what else is left.
    fn end(self, held: Vec<Held>) -> (Vec<How>, Vec<How>) {
        let report = self.judge.conclude(held, &self.processes);
        let kinds = |all: &[Left]| all.iter().map(|left| left.how).collect();
        (kinds(&report.leaks), kinds(&report.others))
    }
}

#[test]
fn what_only_the_end_of_its_process_closed_is_left() {
    let lines = [opened(), resolved(Resolution::ProcessExited)];
    let ended = shop_ended(Duration::ZERO);
    let left = trial(false, ended).hear(&lines).end(Vec::new());
    assert_eq!(left, (vec![How::ClosedByExit], vec![]));
}

#[test]
fn what_the_program_closed_is_not_left() {
    let lines = [opened(), resolved(Resolution::ClosedByApp)];
    let nothing = (vec![], vec![]);
    assert_eq!(trial(true, shop()).hear(&lines).end(Vec::new()), nothing);
    let much_later = shop_ended(Duration::from_secs(5));
    assert_eq!(
        trial(true, much_later).hear(&lines).end(Vec::new()),
        nothing
    );
}

#[test]
fn a_close_just_before_the_end_is_told_and_counts_only_if_strict() {
    let lines = [opened(), resolved(Resolution::ClosedByApp)];
    let soon = || shop_ended(Duration::from_millis(100));
    let left = trial(false, soon()).hear(&lines).end(Vec::new());
    assert_eq!(left, (vec![], vec![How::ClosedLate]));
    let left = trial(true, soon()).hear(&lines).end(Vec::new());
    assert_eq!(left, (vec![How::ClosedLate], vec![]));
}

#[test]
fn what_is_used_again_or_was_reset_is_not_left() {
    for why in [Resolution::Resumed, Resolution::Reset, Resolution::Resync] {
        let lines = [opened(), resolved(why)];
        let left = trial(true, shop_ended(Duration::ZERO)).hear(&lines);
        assert_eq!(left.end(Vec::new()), (vec![], vec![]), "{why:?}");
    }
}

#[test]
fn others_connections_are_none_of_our_business() {
    let lines = [opened(), resolved(Resolution::ProcessExited)];
    let left = trial(true, Processes::default()).hear(&lines);
    assert_eq!(left.end(Vec::new()), (vec![], vec![]));
}

#[test]
fn whoever_holds_it_is_enough_to_be_ours() {
    let mut event = sample("finding");
    if let Body::Finding { subject, finding } = &mut event.body {
        subject.process = None;
        finding.action = Action::Resolved;
        finding.resolution = Some(Resolution::ProcessExited);
    }
    let left = trial(false, shop()).hear(&[line(&event)]).end(Vec::new());
    assert_eq!(left.0, [How::ClosedByExit]);
}

#[test]
fn a_peer_that_is_silent_is_no_leak() {
    let mut event = sample("resolved");
    if let Body::Finding { finding, .. } = &mut event.body {
        finding.verdict = Verdict::DeadPeer;
        finding.resolution = Some(Resolution::ProcessExited);
    }
    let left = trial(true, shop()).hear(&[opened(), line(&event)]);
    assert_eq!(left.end(Vec::new()), (vec![], vec![]));
}

#[test]
fn what_a_process_that_lives_on_does_not_notice_is_left_and_told_once() {
    let left = trial(false, shop()).hear(&[connected(), opened()]);
    let left = left.end(vec![held(SHOP, "python3", 7)]);
    assert_eq!(left, (vec![How::Unnoticed], vec![]));
}

#[test]
fn a_finding_whose_end_nobody_saw_accuses_nobody() {
    let left = trial(true, shop_ended(Duration::ZERO)).hear(&[opened()]);
    assert_eq!(left.end(Vec::new()), (vec![], vec![]));
}

#[test]
fn what_is_still_held_is_told_and_counts_only_if_strict() {
    let end = |strict| {
        let trial = trial(strict, shop()).hear(&[connected()]);
        trial.end(vec![held(SHOP, "python3", 7)])
    };
    assert_eq!(end(false), (vec![], vec![How::StillHeld]));
    assert_eq!(end(true), (vec![How::StillHeld], vec![]));
}

#[test]
fn what_another_program_holds_after_its_opener_s_end_is_left() {
    let end = |processes, holder| {
        trial(false, processes)
            .hear(&[connected()])
            .end(vec![holder])
    };
    let ended = || shop_ended(Duration::ZERO);
    let inherited = (vec![How::Inherited], vec![]);
    let only_held = (vec![], vec![How::StillHeld]);
    assert_eq!(end(ended(), held(4800, "sleep", 7)), inherited);
    assert_eq!(end(shop(), held(4800, "sleep", 7)), only_held, "it lives");
    let daemon = held(4800, "python3", 7);
    assert_eq!(end(ended(), daemon), only_held, "it became a daemon");
    let handed = held(4800, "cat", 0);
    assert_eq!(end(ended(), handed), only_held, "handed over");
    let trial = trial(false, ended());
    assert_eq!(
        trial.end(vec![held(4800, "sleep", 7)]),
        only_held,
        "unknown"
    );
}

#[test]
fn an_inherited_one_is_a_line_with_its_opener_its_holder_and_the_verdict() {
    let mut trial = trial(false, shop_ended(Duration::ZERO)).hear(&[connected()]);
    trial.processes.members.push(4800);
    let held = vec![held(4800, "sleep", 7)];
    let report = trial.judge.conclude(held, &trial.processes);
    let event = report.leaks[0].event().unwrap();
    let Body::Socket { subject, listed } = event.body else {
        panic!("{event:?}");
    };
    assert_eq!(subject.process.unwrap().pid, SHOP);
    assert_eq!(subject.socket.unwrap().inode, Some(31_337));
    assert_eq!(listed.verdict, Some(Verdict::Inherited));
    assert_eq!(listed.holders[0].pid, 4800);
}

#[test]
fn a_client_may_end_with_a_connection_open() {
    let end = |strict| {
        let exit = transition(State::Established, State::FinWait1, Cause::ProcessExit);
        let trial = trial(strict, shop()).hear(&[connected(), exit]);
        trial.end(Vec::new())
    };
    assert_eq!(end(false), (vec![], vec![How::OpenAtExit]));
    assert_eq!(end(true), (vec![How::OpenAtExit], vec![]));
}

#[test]
fn one_that_has_a_finding_is_not_told_again_as_open() {
    let lines = [
        opened(),
        transition(State::CloseWait, State::LastAck, Cause::ProcessExit),
        resolved(Resolution::ProcessExited),
    ];
    let left = trial(true, shop_ended(Duration::ZERO)).hear(&lines);
    assert_eq!(left.end(Vec::new()), (vec![How::ClosedByExit], vec![]));
}

#[test]
fn what_is_to_be_ignored_is_not_heard() {
    let stale = |event: &Event<'_>| matches!(event.body, Body::Finding { .. });
    let rules = Rules {
        strict: false,
        ignore: vec![Box::new(stale)],
    };
    let trial = Trial {
        judge: Judge::new(rules),
        processes: shop(),
    };
    let lines = [opened(), resolved(Resolution::ProcessExited)];
    assert_eq!(trial.hear(&lines).end(Vec::new()), (vec![], vec![]));
}

#[test]
fn lines_that_cannot_be_read_change_nothing() {
    let lines = [b"{\"type\":\"news\"}\n".to_vec(), b"\xff\n".to_vec()];
    let trial = trial(true, shop()).hear(&lines);
    assert_eq!(trial.end(Vec::new()), (vec![], vec![]));
}
