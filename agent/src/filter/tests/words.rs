//! What each word and each operator selects.

use super::super::words::WORDS;
use super::{Filter, lines, selected};

/// The lines of the samples' connection.
const SAMPLE: &str = "transition eof finding resolved connection stacks";

fn expect(cases: &[(&str, &str)]) {
    let found = cases.iter().map(|(filter, _)| (*filter, selected(filter)));
    let wrong: Vec<_> = found
        .zip(cases)
        .filter(|(found, (_, names))| found.1 != *names)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn states_and_their_groups() {
    expect(&[
        (
            "state close-wait",
            "transition eof finding stacks leak pooled",
        ),
        (
            "state CLOSE_WAIT",
            "transition eof finding stacks leak pooled",
        ),
        ("state listening", "listener"),
        ("state fin-wait-1", ""),
        ("state bucket", "time_wait"),
        (
            "state synchronized",
            "transition eof finding resolved stacks leak pooled ipv6 time_wait",
        ),
        ("state = established,listen", "listener ipv6"),
        (
            "state != close_wait",
            "resolved connection listener ipv6 time_wait",
        ),
        ("exclude connected", "connection listener"),
        (
            "not state big",
            "hello incident remedy lost resync time_wait",
        ),
    ]);
}

#[test]
fn states_side_by_side_add_up_as_in_ss() {
    expect(&[
        ("state established state time-wait", "ipv6 time_wait"),
        (
            "state connected exclude close-wait",
            "resolved ipv6 time_wait",
        ),
        ("exclude connected exclude listen", "connection"),
        ("state established and state time-wait", ""),
    ]);
}

#[test]
fn states_at_the_beginning_concern_all_of_the_rest() {
    expect(&[
        ("state listening dport = :443 or sport = :443", "listener"),
        (
            "(state listening sport = :443) or dport = :443",
            "listener ipv6",
        ),
        ("state established or state time-wait", "ipv6 time_wait"),
    ]);
}

#[test]
fn ends_of_connections() {
    expect(&[
        ("src 10.0.0.0/8", "leak pooled"),
        ("src = 10/8", "leak pooled"),
        ("src [::]/0", "ipv6"),
        ("src = 127.0.0.1:8080", "time_wait"),
        (
            "src != 10.0.0.0/8",
            "transition eof finding resolved connection stacks listener ipv6 time_wait",
        ),
        ("dst :443", "ipv6"),
        ("dst *:443", "ipv6"),
        ("dst [2001:db8::]/32:443", "ipv6"),
        ("dst 2001:db8::1", "ipv6"),
        ("dst [::ffff:10.0.0.5]:5432", "pooled"),
        (
            "dst 198.51.100/24",
            "transition eof finding resolved incident connection stacks",
        ),
        ("dst 198.51.100.8", "incident"),
        ("dst 10.0.0.5,10.1.2.3", "leak pooled"),
    ]);
}

#[test]
fn ports_addresses_and_families() {
    expect(&[
        ("sport = :https", "listener"),
        (
            "sport 8080",
            "transition eof finding resolved incident connection stacks leak time_wait",
        ),
        ("sport >= :40000", "pooled ipv6"),
        ("sport le 443", "listener"),
        ("dport gt 51234", "time_wait"),
        ("dport < 443", "listener"),
        ("dport ne :51234", "leak pooled listener ipv6 time_wait"),
        ("port = 443,5432", "pooled listener ipv6"),
        ("local 127.0.0.1", "time_wait"),
        ("peer 10.0.0.0/8", "leak pooled"),
        (
            "peer != 198.51.100.7",
            "leak pooled listener ipv6 time_wait",
        ),
        ("family ipv6", "ipv6"),
        ("family = 4 comm = nginx", "listener"),
    ]);
}

#[test]
fn processes_and_descriptors() {
    let of_sample = "transition eof finding resolved incident connection stacks";
    expect(&[
        (
            "pid = 4711",
            "transition eof finding resolved incident connection remedy stacks",
        ),
        ("pid 101", "leak"),
        (
            "pid != 100",
            "transition eof finding resolved incident connection remedy stacks pooled listener ipv6",
        ),
        ("pid >= 300 pid < 4000", "listener ipv6"),
        ("comm = py*", of_sample),
        ("comm worker", "leak"),
        ("comm !~ o", "pooled listener ipv6"),
        ("comm != nginx,curl,java,python3", "remedy leak"),
        ("exe = shop", "remedy leak"),
        ("exe ~ /opt/", "leak"),
        (
            "exe = /usr/bin/*",
            "finding resolved incident stacks pooled",
        ),
        ("cmd \"--port 8080\"", "finding resolved incident stacks"),
        (
            "cmd ~ '--port?8080'",
            "finding resolved incident stacks leak",
        ),
        ("cmd = \"*--port=8080\"", "leak"),
        ("user root", "pooled listener"),
        (
            "uid 1000",
            "transition eof finding resolved incident connection stacks leak ipv6",
        ),
        ("holder 100,200", "leak pooled"),
        ("fd >= 1000", "leak"),
    ]);
}

#[test]
fn names_of_sockets_and_places() {
    expect(&[
        ("inode socket:[31337]", SAMPLE),
        ("cookie sk:1092", SAMPLE),
        ("cookie = 0x1000", "leak"),
        ("netns net:[4026532000]", "ipv6"),
        ("id = b39f*", SAMPLE),
        ("id 42", "leak"),
        ("id 1", "finding resolved incident stacks"),
        (
            "id 1c5f0d5e8a534c3b",
            "finding resolved incident remedy stacks",
        ),
        ("role client", "pooled ipv6"),
        ("role != server", "pooled listener ipv6"),
        (
            "cgroup = /system.slice/*",
            "finding resolved incident stacks leak",
        ),
        ("unit shop.service", "finding resolved incident stacks"),
        ("container 0123456789ab", "pooled"),
        ("container = 0123*cdef", "pooled"),
        ("pod = *", ""),
        ("namespace = *", ""),
        ("type finding", "finding resolved stacks"),
        ("type hello,lost", "hello lost"),
        ("host = web-*", "hello"),
    ]);
}

#[test]
fn what_is_wrong_and_how_much() {
    expect(&[
        ("verdict not_closed", "incident"),
        (
            "verdict any",
            "finding resolved incident stacks leak pooled",
        ),
        ("verdict != EOF-unread", "pooled"),
        ("severity >= warning", "incident leak"),
        ("severity < warning", "finding resolved stacks pooled"),
        ("confidence proven", "finding resolved stacks"),
        ("age > 30s", "incident leak pooled"),
        ("age 1m", "incident leak"),
        ("age >= 20s age <= 45s", "pooled time_wait"),
        (
            "age <= 15s",
            "transition eof finding resolved connection stacks ipv6",
        ),
        ("unread > 64KiB", "leak"),
        ("unread = 1", "finding resolved stacks pooled"),
        ("unacked >= 1k", "ipv6"),
        ("stack serve", "stacks"),
        ("stack = *shop.c:42", "stacks"),
        ("stack ~ /vendor/", "stacks"),
        ("stack !~ serve", ""),
    ]);
}

#[test]
fn conditions_are_joined() {
    expect(&[
        ("comm nginx or comm curl", "listener ipv6"),
        ("comm nginx | comm curl", "listener ipv6"),
        ("(comm nginx || comm curl) && not state listen", "ipv6"),
        ("! comm = nginx type socket", "leak pooled ipv6 time_wait"),
        (
            "not (comm nginx or comm curl) and type socket",
            "leak pooled time_wait",
        ),
        ("not not comm nginx", "listener"),
        ("comm=nginx(port=443)", "listener"),
    ]);
}

#[test]
fn a_comparison_with_what_is_not_there_is_false_and_its_opposite_true() {
    expect(&[("pid = 1", ""), ("host != web-1", "")]);
    let all: Vec<_> = lines().iter().map(|(name, _)| *name).collect();
    assert_eq!(selected("not pid = 1"), all.join(" "));
    assert_eq!(selected("not pod != x"), all.join(" "));
}

#[test]
fn what_a_reader_must_know_of_a_stream_always_passes() {
    let filter: Filter = "comm = nobody".parse().unwrap();
    let passing = lines().into_iter();
    let passing = passing.filter(|(_, event)| filter.passes(event));
    let names: Vec<_> = passing.map(|(name, _)| name).collect();
    assert_eq!(names, ["hello", "lost", "resync"]);
}

#[test]
fn every_word_is_in_the_table_once_and_its_example_uses_it() {
    for word in &WORDS {
        assert_eq!(word.name.word().canonical(), word.canonical());
        assert!(word.kind.operators().contains(&word.kind.silent()));
        let filter: Filter = word.example.parse().unwrap();
        assert!(filter.to_string().starts_with(word.canonical()), "{filter}");
    }
}

#[test]
fn vocabularies_are_those_of_the_lines() {
    use super::super::vocabulary::{CONFIDENCES, SEVERITIES, STATES, VERDICTS};
    use finback_core::model::finding::{Confidence, Severity, Verdict};
    use finback_core::model::state::TcpState;
    let verdicts: Vec<_> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
    assert_eq!(VERDICTS.words, verdicts);
    for state in (0..=12).filter_map(TcpState::from_kernel) {
        assert!(STATES.words.contains(&state.name()));
    }
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    assert_eq!(SEVERITIES.words, severities.map(Severity::name));
    let confidences = [Confidence::Likely, Confidence::Proven];
    assert_eq!(CONFIDENCES.words, confidences.map(Confidence::name));
}
