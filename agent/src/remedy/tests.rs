//! Decisions, without a kernel: the rate, what cools down, the dry run, and what is not safe.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use finback_core::model::finding::Severity;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use super::case::Case;
use super::exec;
use super::kill::danger;
use super::ledger::Ledger;
use super::policy::{Action, On, Policy};
use super::trusted::{self, Distrust};
use super::webhook;
use crate::export::http::receiver::{Answer, Receiver};
use crate::output::json::{Decision, Event};
use crate::output::samples;

static LINE: Bytes = Bytes::from_static(b"{}\n");

fn policy(name: &str, per_minute: u32, cool_down: Duration) -> Policy {
    Policy {
        name: name.into(),
        on: Policy::DEFAULT_ON,
        filter: None,
        action: Action::Kill {
            connections: None,
            max_connections: 10,
        },
        per_minute,
        cool_down,
        dry_run: true,
    }
}

fn sample(name: &str) -> Event<'static> {
    let all = samples::wire().into_iter();
    let mut named = all.filter(|(known, _)| *known == name);
    named.next().unwrap().1
}

/// Incidents that are due, and whether their remedy is limited.
fn due(ledger: &mut Ledger, policies: &[Policy], now: Instant) -> Vec<bool> {
    std::iter::from_fn(|| ledger.next(policies, now))
        .map(|due| due.limited)
        .collect()
}

#[test]
fn a_case_is_decided_at_once_and_again_when_it_has_cooled_down_for_as_long_as_it_calls() {
    let policies = [policy("a", 60, Duration::from_mins(5))];
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    ledger.call("a", "i", &LINE, start);
    assert_eq!(ledger.due(), Some(start));
    assert_eq!(due(&mut ledger, &policies, start), [false]);
    // Its line is told again every ten seconds.
    ledger.call("a", "i", &LINE, after(10));
    assert!(due(&mut ledger, &policies, after(299)).is_empty());
    assert_eq!(ledger.due(), Some(after(300)));
    assert_eq!(due(&mut ledger, &policies, after(300)), [false]);
    ledger.hush("a", "i", after(310));
    assert_eq!(ledger.due(), None, "it is over");
    ledger.call("a", "i", &LINE, after(320));
    assert_eq!(ledger.due(), Some(after(600)), "it comes and goes");
}

#[test]
fn each_incident_and_each_remedy_cools_down_for_itself() {
    let minutes = Duration::from_mins(5);
    let policies = [policy("a", 60, minutes), policy("b", 60, minutes)];
    let (mut ledger, now) = (Ledger::default(), Instant::now());
    for (remedy, id) in [("a", "i"), ("a", "j"), ("b", "i"), ("a", "i")] {
        ledger.call(remedy, id, &LINE, now);
    }
    assert_eq!(due(&mut ledger, &policies, now), [false; 3]);
}

#[test]
fn what_the_rate_does_not_allow_is_said_once_and_done_when_it_does() {
    let policies = [policy("a", 2, Duration::from_mins(5))];
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    for id in ["i", "j", "k"] {
        ledger.call("a", id, &LINE, start);
    }
    assert_eq!(due(&mut ledger, &policies, start), [false, false, true]);
    ledger.call("a", "k", &LINE, start + Duration::from_secs(10));
    let next = ledger.due().unwrap();
    assert_eq!(next, start + Duration::from_mins(1));
    assert_eq!(due(&mut ledger, &policies, next), [false]);
}

#[test]
fn a_remedy_that_is_gone_does_nothing() {
    let (mut ledger, now) = (Ledger::default(), Instant::now());
    ledger.call("a", "i", &LINE, now);
    let others = [policy("b", 2, Duration::ZERO)];
    assert!(due(&mut ledger, &others, now).is_empty());
    assert_eq!(ledger.due(), None);
}

proptest! {
    #[test]
    fn a_remedy_is_never_used_more_often_than_its_rate(
        per_minute in 1_u32..5,
        cool_down in 0_u64..90,
        calls in prop::collection::vec((0_u64..30, 0_u8..6, any::<bool>()), 1..200),
    ) {
        let policies = [policy("a", per_minute, Duration::from_secs(cool_down))];
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let mut now = start;
        let mut used: Vec<(Instant, String)> = Vec::new();
        for (pause, id, over) in calls {
            now += Duration::from_secs(pause);
            let id = id.to_string();
            if over {
                ledger.hush("a", &id, now);
            } else {
                ledger.call("a", &id, &Bytes::from(id.clone()), now);
            }
            // As often as it is due: with no time to cool down it would be for ever.
            for _ in 0..20 {
                if let Some(due) = ledger.next(&policies, now)
                    && !due.limited
                {
                    used.push((now, String::from_utf8(due.line.to_vec()).unwrap()));
                }
            }
        }
        for (index, (last, id)) in used.iter().enumerate() {
            let recent = used[..=index].iter();
            let within = recent.filter(|(at, _)| *at + Duration::from_mins(1) > *last);
            prop_assert!(within.count() <= per_minute as usize);
            let mut before = used[..index].iter().rev();
            if let Some((at, _)) = before.find(|(_, other)| other == id) {
                prop_assert!(*last >= *at + Duration::from_secs(cool_down));
            }
        }
    }
}

#[test]
fn an_incident_calls_if_it_is_as_bad_as_asked_selected_and_not_over() {
    let incident = sample("incident");
    let case = Case::of(&incident).unwrap();
    let on = |on, filter: Option<&str>| Policy {
        on,
        filter: filter.map(|filter| filter.parse().unwrap()),
        ..policy("a", 1, Duration::ZERO)
    };
    assert!(case.calls_for(&on(On::Incident(Severity::Info), None)));
    assert!(case.calls_for(&on(On::Incident(Severity::Warning), Some("pid = 4711"))));
    assert!(!case.calls_for(&on(On::Incident(Severity::Warning), Some("pid = 4712"))));
    assert!(!case.calls_for(&on(On::Finding, None)));
    let finding = sample("finding");
    let case = Case::of(&finding).unwrap();
    assert!(case.calls_for(&on(On::Finding, None)));
    assert!(!case.calls_for(&on(On::Incident(Severity::Info), None)));
    let resolved = sample("resolved");
    assert!(
        !Case::of(&resolved)
            .unwrap()
            .calls_for(&on(On::Finding, None))
    );
    assert!(Case::of(&sample("transition")).is_none());
}

#[test]
fn only_the_connections_of_its_own_findings_are_a_case_s() {
    let incident = sample("incident");
    let case = Case::of(&incident).unwrap();
    let id = case.id();
    let of = |id: &str| samples::socket(|line| line["listed"]["incident"] = json!(id));
    assert!(case.has(&of(&id)));
    assert!(!case.has(&of("another")));
    assert!(!case.has(&samples::socket(|_| {})), "healthy");
    let finding = sample("finding");
    let case = Case::of(&finding).unwrap();
    let of = |id: Option<u64>| samples::socket(|line| line["listed"]["finding"] = json!(id));
    assert!(case.has(&of(case.finding())));
    assert!(!case.has(&of(case.finding().map(|id| id + 1))));
    assert!(!case.has(&sample("transition")));
}

#[test]
fn what_the_host_rests_on_is_left_alone() {
    let held = |pid: u32, comm: &str| {
        samples::socket(|line| {
            line["listed"]["holders"][0]["pid"] = json!(pid);
            line["listed"]["holders"][0]["comm"] = json!(comm);
        })
    };
    assert!(danger(&held(1, "systemd")).unwrap().contains("process 1"));
    let own = std::process::id();
    assert!(danger(&held(own, "finback")).unwrap().contains("finback"));
    for comm in ["sshd", "sshd-session"] {
        assert!(danger(&held(4711, comm)).unwrap().contains("sshd"));
    }
    assert_eq!(danger(&held(4711, "shop")), None);
}

/// A folder that only root can write to, with a script in it; `None` if this is not root.
fn script(text: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    if !rustix::process::geteuid().is_root() {
        println!("only root has commands that root owns");
        return None;
    }
    let dir = tempfile::tempdir_in("/run").unwrap();
    let path = dir.path().join("command");
    let source = dir.path().join("source");
    fs::write(&source, text).unwrap();
    // Other tests fork: what this process has open for writing they may have, too, and nobody can run it then.
    let copied = Command::new("cp").args([&source, &path]).status().unwrap();
    assert!(copied.success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Some((dir, path))
}

#[test]
fn a_command_that_others_can_replace_is_not_trusted() {
    assert!(matches!(
        trusted::check("/no/such/command".as_ref()),
        Err(Distrust::Unseen { .. })
    ));
    assert!(matches!(
        trusted::check("/usr".as_ref()),
        Err(Distrust::NoProgram(_))
    ));
    let Some((dir, path)) = script("#!/bin/sh\n") else {
        return;
    };
    assert_eq!(trusted::check(&path).unwrap(), path);
    for (mode, at) in [(0o757, &path), (0o775, &path)] {
        fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
        let error = trusted::check(&path).unwrap_err().to_string();
        assert!(error.contains("can be written to by others"), "{error}");
        assert!(error.ends_with("chmod go-w"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
    let error = trusted::check(&path).unwrap_err().to_string();
    assert!(error.contains("belongs to user 65534"), "{error}");
    std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    // The folder counts as well, also for who comes by a symbolic link.
    let link = tempfile::tempdir().unwrap();
    let link = link.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(trusted::check(&link).unwrap(), path);
    let folder = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode));
    // As /tmp is: what is root's in it stays where it is.
    folder(0o1777).unwrap();
    assert_eq!(trusted::check(&link).unwrap(), path);
    folder(0o777).unwrap();
    assert!(matches!(
        trusted::check(&link),
        Err(Distrust::Writable { path, .. }) if path == dir.path()
    ));
}

async fn run(text: &str, dry_run: bool) -> Option<(Decision, String)> {
    let (_dir, path) = script(text)?;
    let incident = sample("incident");
    let call = exec::Call {
        remedy: "page",
        command: &path,
        arguments: &["one word".to_owned()],
        timeout: Duration::from_millis(1500),
        dry_run,
    };
    let case = Case::of(&incident).unwrap();
    let line = serde_json::to_vec(&incident).unwrap();
    let outcome = call.run(&case, &line).await;
    Some((outcome.decision, outcome.reason))
}

#[tokio::test]
async fn a_command_gets_the_line_its_arguments_and_no_environment_of_the_daemon_s() {
    let text = "#!/bin/sh\nread line\necho \"$1|$#|$FINBACK_REMEDY|$FINBACK_SEVERITY|$HOME|$PWD|${#line}\"\n";
    let Some((decision, reason)) = run(text, false).await else {
        return;
    };
    let length = serde_json::to_vec(&sample("incident")).unwrap().len();
    assert_eq!(decision, Decision::Done);
    assert_eq!(
        reason,
        format!("exit code 0: one word|1|page|warning||/|{length}")
    );
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    let mark = tempfile::tempdir().unwrap();
    let mark = mark.path().join("ran");
    let text = format!("#!/bin/sh\n: > {}\n", mark.display());
    let Some((decision, reason)) = run(&text, true).await else {
        return;
    };
    assert_eq!(decision, Decision::WouldDo);
    assert!(reason.starts_with("would run /run/"), "{reason}");
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_command_that_fails_says_why_without_commanding_a_terminal() {
    let text = "#!/bin/sh\nprintf 'no\\033[2J' >&2\nexit 3\n";
    let Some((decision, reason)) = run(text, false).await else {
        return;
    };
    assert_eq!(decision, Decision::Failed);
    assert_eq!(reason, "exit status: 3: no?[2J");
}

#[tokio::test]
async fn a_command_that_says_more_than_anybody_reads_ends_all_the_same() {
    let text = "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x\n";
    let Some((decision, reason)) = run(text, false).await else {
        return;
    };
    assert_eq!(decision, Decision::Done);
    assert!(reason.len() < 300, "{}", reason.len());
}

/// Also what it has started, though it has ended itself.
#[tokio::test]
async fn a_command_that_does_not_end_is_ended_with_its_children() {
    let mark = tempfile::tempdir().unwrap();
    let mark = mark.path().join("child");
    let text = format!("#!/bin/sh\nsleep 600 &\necho $! > {}\n", mark.display());
    let Some((decision, reason)) = run(&text, false).await else {
        return;
    };
    assert_eq!(decision, Decision::Failed);
    assert!(reason.contains("its process group was ended"), "{reason}");
    let child = fs::read_to_string(&mark).unwrap();
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    // Whoever adopts it may take its time to wait for it.
    let is_gone = || !state().is_ok_and(|stat| !stat.contains(") Z "));
    while !is_gone() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_webhook_is_posted_the_line_and_a_dry_run_posts_nothing() {
    let mut receiver = Receiver::start().await;
    let url = format!("http://{}/secret", receiver.address());
    let url = url.parse().unwrap();
    let line = Bytes::from_static(b"{\"type\":\"incident\"}\n");
    let would = webhook::post(&url, &line, true).await;
    assert_eq!(would.decision, Decision::WouldDo);
    assert!(!would.reason.contains("secret"), "{}", would.reason);
    let done = webhook::post(&url, &line, false).await;
    assert_eq!(done.decision, Decision::Done);
    let got = receiver.got().await;
    assert_eq!(
        (&*got.target, &got.body, got.connection),
        ("/secret", &line, 1)
    );
    receiver.will([Answer::status(500)]);
    let failed = webhook::post(&url, &line, false).await;
    assert_eq!(failed.decision, Decision::Failed);
    assert!(failed.reason.contains("500"), "{}", failed.reason);
}
