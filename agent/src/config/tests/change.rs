//! A file that was read again.

use super::*;

fn config(text: &str) -> Config {
    Config::new(parse(text).unwrap(), Flags::default())
}

#[test]
fn the_same_file_again_changes_nothing() {
    let before = config("peer_quiet = \"3m\"\n[history]\nmax_age = \"1d\"");
    let change = before.change(before.clone());
    assert_eq!((change.config, change.waiting), (before, Vec::new()));
}

#[test]
fn what_needs_no_restart_is_taken_on() {
    let new = config(
        "states = \"all\"\npeer_quiet = \"3m\"\nscan_interval = \"5s\"\n[thresholds]\neof_unread = \"1s\"\n\
         [severities]\neof_unread = \"off\"\n[incidents]\ncrowd = 3\n[history]\nmax_bytes = \"1MiB\"\nmax_age = \"1d\"\n\
         [[override]]\nport = 1\n[[remedy]]\nname = \"a\"\naction = \"kill\"",
    );
    let change = config("").change(new.clone());
    assert_eq!((change.config, change.waiting), (new, Vec::new()));
}

#[test]
fn what_needs_a_restart_stays_and_is_named() {
    let before = config("");
    let new = config(
        "attach = \"kprobe\"\nhost_root = \"/host\"\nmax_sockets = 5000\nopeners = 64\nring_bytes = 65536\n\
         segment = false\nsocket = \"/run/x.sock\"\nstacks = true\npeer_quiet = \"3m\"\n\
         [history]\npath = \"/x\"\nselect = \"incident\"",
    );
    let change = before.change(new);
    let names = [
        "attach",
        "host_root",
        "max_sockets",
        "openers",
        "ring_bytes",
        "segment",
        "socket",
        "stacks",
        "history.path",
        "history.select",
    ];
    assert_eq!(change.waiting, names);
    let expected = Config {
        peer_quiet: Duration::from_mins(3),
        ..before
    };
    assert_eq!(change.config, expected);
}

#[test]
fn a_history_that_begins_or_ends_waits_for_a_restart() {
    let (with, without) = (config(""), config("[history]\nenabled = false"));
    for (before, new) in [(&with, &without), (&without, &with)] {
        let change = before.change(new.clone());
        assert_eq!(change.waiting, ["history.enabled"]);
        assert_eq!(&change.config, before);
    }
}

#[test]
fn the_first_setting_for_a_control_group_waits_for_a_restart() {
    let (without, with) = (config(""), config("[[override]]\ncgroup = \"/a\""));
    assert_eq!(without.change(with.clone()).waiting, ["override.cgroup"]);
    let other = config("[[override]]\ncgroup = \"/b\"");
    assert!(with.change(other).waiting.is_empty());
    assert!(with.change(without).waiting.is_empty());
}
