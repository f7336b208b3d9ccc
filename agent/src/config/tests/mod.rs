mod change;
mod exceptions;
mod incidents;
mod otlp;
mod receivers;
mod remedies;

use std::path::Path;
use std::time::Duration;

use finback_common::hook::Flavour;

use super::*;
use finback_core::model::finding::Severity;
use finback_core::settings::exception::GroupPattern;
use finback_core::settings::verdict::NEVER;

fn parse(text: &str) -> Result<File, Error> {
    File::parse(Path::new("f.toml"), text)
}

/// The two lines a user sees.
fn refusal(text: &str) -> (String, String) {
    let error = parse(text).unwrap_err();
    (error.to_string(), error.help().to_owned())
}

#[test]
fn everything_can_be_set() {
    let file = parse(
        r#"
attach = "fentry"
max_sockets = 100_000
ring_bytes = "4MiB"
segment = false
host_root = "/host"
socket = "/run/x.sock"
states = ["close-wait", "TIME_WAIT", "fin_wait_1"]

[thresholds]
eof_unread = "500ms"
not_closed = "2m"

[severities]
never_accepted = "critical"
"#,
    )
    .unwrap();
    let config = Config::new(file, Flags::default());
    assert_eq!(config.attach, Attach::Only(Flavour::Fentry));
    assert_eq!(config.max_sockets, 100_000);
    assert_eq!(config.ring_bytes.get(), 4 << 20);
    assert!(!config.segment);
    assert_eq!(config.socket, Path::new("/run/x.sock"));
    assert_eq!(config.host_root, Path::new("/host"));
    let states = [TcpState::CloseWait, TcpState::TimeWait, TcpState::FinWait1];
    assert_eq!(config.states, StateSet::of(&states));
    assert_eq!(
        config.thresholds[&Verdict::EofUnread],
        Duration::from_millis(500)
    );
    assert_eq!(
        config.thresholds[&Verdict::NotClosed],
        Duration::from_mins(2)
    );
    assert_eq!(
        config.severities[&Verdict::NeverAccepted],
        Level::Fixed(Severity::Critical)
    );
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let file = parse("attach = \"kprobe\"\nring_bytes = 65536\nmax_sockets = 5000").unwrap();
    let flags = Flags {
        attach: Some(Attach::Auto),
        max_sockets: Some(6000),
        no_segment: true,
        ..Flags::default()
    };
    let config = Config::new(file, flags);
    assert_eq!(config.attach, Attach::Auto);
    assert_eq!(config.ring_bytes.get(), 65_536);
    assert_eq!(config.max_sockets, 6000);
    assert!(!config.segment);
    assert_eq!(config.states, DEFAULT_STATES);
    assert_eq!(config.socket, Path::new(DEFAULT_SOCKET));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    let (what, help) = refusal("attach = \"auto\"\n\nring_byte = 4096\n");
    assert_eq!(what, "f.toml:3: unknown key `ring_byte`");
    assert_eq!(
        help,
        "did you mean `ring_bytes`? known are attach, docs, filter, host_root, history, incidents, journal, max_sockets, metrics_listen, openers, otlp, override, peer_quiet, pins, remedy, ring_bytes, scan_interval, segment, severities, socket, stacks, states, thresholds, webhook"
    );
}

#[test]
fn an_unknown_verdict_is_named_with_its_line_and_the_nearest() {
    let (what, help) = refusal("[thresholds]\n# slow ones\neof_unraed = \"1s\"\n");
    assert_eq!(what, "f.toml:3: unknown verdict `eof_unraed`");
    assert!(
        help.starts_with("did you mean `eof_unread`? known are eof_unread, "),
        "{help}"
    );
}

#[test]
fn a_wrong_value_says_what_is_accepted() {
    for (text, what, help) in [
        (
            "segment = \"yes\"",
            "f.toml:1: wrong value for `segment`: \"yes\"",
            "use true or false",
        ),
        (
            "\nring_bytes = 100000",
            "f.toml:2: wrong value for `ring_bytes`: 100000",
            "a ring size is a power of two and a multiple of the page size (4096); the next is 131072",
        ),
        (
            "ring_bytes = 2048",
            "f.toml:1: wrong value for `ring_bytes`: 2048",
            "a ring size is a power of two and a multiple of the page size (4096); the next is 4096",
        ),
        (
            "[thresholds]\neof_unread = 10",
            "f.toml:2: wrong value for `eof_unread`: 10",
            "use a string, for example \"500ms\", \"10s\" or \"2m\"",
        ),
        (
            "[thresholds]\neof_unread = \"10 parsecs\"",
            "f.toml:2: wrong value for `eof_unread`: \"10 parsecs\"",
            "use a whole number and a unit, for example 500ms, 10s, 2m or 1h",
        ),
        (
            "attach = \"uprobe\"",
            "f.toml:1: wrong value for `attach`: \"uprobe\"",
            "use one of auto, kprobe, fentry, tracepoint",
        ),
        (
            "max_sockets = 1",
            "f.toml:1: wrong value for `max_sockets`: 1",
            "use a number from 1024 to 16777216",
        ),
        (
            "socket = \"x.sock\"",
            "f.toml:1: wrong value for `socket`: \"x.sock\"",
            "use an absolute path, for example \"/run/finback/finback.sock\"",
        ),
        (
            "[severities]\nnot_closed = \"fatal\"",
            "f.toml:2: wrong value for `not_closed`: \"fatal\"",
            "use one of \"auto\", \"info\", \"warning\", \"critical\", \"off\"",
        ),
    ] {
        assert_eq!(refusal(text), (what.to_owned(), help.to_owned()));
    }
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    let (what, _) = refusal("attach = \"auto\"\nstates = [\n");
    assert!(what.starts_with("f.toml:"), "{what}");
    assert!(what.contains("not valid TOML: "), "{what}");
}

#[test]
fn a_missing_file_says_why() {
    let error = Config::load(Some(Path::new("/nonexistent/f.toml")), Flags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read /nonexistent/f.toml: No such file or directory (os error 2)"
    );
}

#[test]
fn a_default_file_may_be_missing_but_not_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let load = |path: &Path| Config::load_or(None, path, Flags::default());
    assert!(load(&dir.path().join("f.toml")).is_ok());
    let circle = dir.path().join("circle.toml");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    let error = load(&circle).unwrap_err();
    let expected = format!("cannot read {}: ", circle.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

/// In a thread of its own, because a thread that is root may read everything.
#[test]
fn a_default_file_that_may_not_be_read_is_an_error_with_its_remedy() {
    use rustix::process::Uid;
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let file = dir.path().join("f.toml");
    std::fs::write(&file, "segment = false").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = std::thread::scope(|scope| {
        let load = || {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(Uid::from_raw(65_534)).unwrap();
            }
            Config::load_or(None, &file, Flags::default()).unwrap_err()
        };
        scope.spawn(load).join().unwrap()
    });
    assert_eq!(
        error.to_string(),
        format!(
            "cannot read {}: Permission denied (os error 13)",
            file.display()
        )
    );
    assert!(error.help().contains("run as a user who may read it"));
}

#[test]
fn a_threshold_that_no_look_can_keep_is_refused() {
    let (what, help) = refusal("[thresholds]\n\neof_unread = \"99ms\"\n");
    assert_eq!(what, "f.toml:3: wrong value for `eof_unread`: \"99ms\"");
    assert_eq!(
        help,
        "use at least 100ms: a shorter time is over before the application had its turn"
    );
    let (_, help) = refusal("[[override]]\nport = 1\nthresholds = { not_closed = \"0s\" }");
    assert!(help.starts_with("use at least 100ms"), "{help}");
    assert!(parse("[thresholds]\neof_unread = \"100ms\"").is_ok());
}

/// Where the default is to wait for nothing, that can be said.
#[test]
fn zero_is_a_threshold_where_it_is_the_default() {
    use finback_core::settings::verdict::VerdictSettings;

    for verdict in Verdict::ALL {
        let text = format!("[thresholds]\n{} = \"0ms\"", verdict.name());
        let is_default = VerdictSettings::default_of(*verdict).after.is_zero();
        assert_eq!(parse(&text).is_ok(), is_default, "{text}");
    }
}

#[test]
fn every_spelling_of_a_state_is_accepted() {
    let expect = |words: &[&str], state| {
        for word in words {
            assert_eq!(states(word), Ok(StateSet::of(&[state])), "{word}");
        }
    };
    expect(
        &["close-wait", "CLOSE_WAIT", "close_wait", "CloseWait"],
        TcpState::CloseWait,
    );
    expect(
        &["fin-wait-1", "FIN_WAIT1", "fin_wait_1"],
        TcpState::FinWait1,
    );
    expect(&["time-wait", "TIME_WAIT"], TcpState::TimeWait);
    expect(&["closed", "CLOSE"], TcpState::Closed);
    expect(
        &["syn-recv", "SYN_RECV", "syn_received"],
        TcpState::SynReceived,
    );
    let both = states("established, close-wait").unwrap();
    assert_eq!(
        both,
        StateSet::of(&[TcpState::Established, TcpState::CloseWait])
    );
    let all = states("all").unwrap();
    for number in 1..=11 {
        assert!(all.contains(TcpState::from_kernel(number).unwrap()));
    }
    assert!(
        states("close_wiat")
            .unwrap_err()
            .starts_with("did you mean `close_wait`? use closed, ")
    );
}

#[test]
fn filters_are_checked_when_the_file_is_read() {
    let file = parse("filter = \"comm = shop\"\n[history]\nfilter = \"pid = 7\"").unwrap();
    let config = Config::new(file, Flags::default());
    let text = |filter: Option<Filter>| filter.map(|filter| filter.to_string());
    assert_eq!(text(config.filter).as_deref(), Some("comm = shop"));
    let history = config.history.unwrap();
    assert_eq!(text(history.filter).as_deref(), Some("pid = 7"));

    let (what, help) = refusal("\nfilter = \"pid = 7 and cmm = shop\"");
    assert!(what.contains(":2: ") && what.contains("`filter`"), "{what}");
    assert!(
        help.contains("column 13") && help.contains("comm"),
        "{help}"
    );
    assert!(refusal("filter = 7").1.contains("a string"));
}

#[test]
fn durations_have_units() {
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
    assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
    assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
    for wrong in ["", "10", "s", "-1s", "1.5s", "99999999999999999999s"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

/// The example shows every key and every verdict with its default.
#[test]
fn the_example_states_the_defaults() {
    use finback_core::settings::incident::IncidentSettings;
    use finback_core::settings::verdict::VerdictSettings;

    let text = include_str!("../../../../docs/finback.toml");
    let mut file = parse(text).unwrap();
    for verdict in Verdict::ALL {
        let default = VerdictSettings::default_of(*verdict);
        assert_eq!(file.thresholds.remove(verdict), Some(default.after));
        assert_eq!(file.severities.remove(verdict), Some(default.level));
    }
    assert!(file.attach.is_some() && file.states.is_some() && file.ring_bytes.is_some());
    assert!(file.max_sockets.is_some() && file.socket.is_some() && file.segment.is_some());
    assert!(file.scan_interval.is_some() && file.peer_quiet.is_some() && file.pins.is_some());
    assert!(file.history.is_complete());
    assert_eq!(text.matches("\nfilter = \"\"\n").count(), 2);
    assert!(file.docs.is_some() && file.journal.is_complete() && file.webhook.is_complete());
    assert!(file.otlp.has_all_defaults());
    let (_, incidents) = text.split_once("[incidents]").unwrap();
    for name in IncidentSettings::NAMES {
        assert!(incidents.contains(&format!("\n{name} = ")), "{name}");
    }
    let defaults = Config::new(File::default(), Flags::default());
    assert_eq!(Config::new(file, Flags::default()), defaults);
}
