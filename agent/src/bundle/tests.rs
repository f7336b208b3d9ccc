use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::explain::Silent;
use crate::explain::ask;
use crate::output::json::CommunityId;

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/explain/tests");
    fs::read_to_string(folder.join(format!("{name}.ndjson"))).unwrap()
}

fn known(lines: &str) -> Known<'_> {
    let mut known = Known::default();
    for line in lines.lines() {
        known.add(serde_json::from_str(line).unwrap());
    }
    known
}

fn bundle(lines: &str, what: &str) -> Bundle {
    let known = known(lines);
    let asked = ask::arguments(&[what.to_owned()]).unwrap();
    let answer = explain(&known, &asked[0], Source::Daemon, &Silent);
    Bundle::of(&answer.pages, lines, &known)
}

fn page(bundle: &Bundle) -> String {
    let about = About {
        finback: "0.0.0",
        source: "a test".to_owned(),
        ..About::default()
    };
    bundle.page(Source::Daemon, &Silent, &about).unwrap()
}

fn values(ndjson: &str) -> Vec<Value> {
    let lines = ndjson.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn within(page: &str) -> String {
    String::from_utf8(lines::extract(page.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_lines_within_explain_the_same_as_all_the_lines_did() {
    for (name, what) in [
        ("eof_unread", "#12"),
        ("eof_unread", "1c5f0d5e8a534c3b"),
        ("not_closed", "#31"),
        ("relay", "198.51.100.20:41414"),
        ("relay", "10.1.0.1:52000"),
        ("process", "4711"),
        ("process", "#103"),
        ("over", "#5"),
        ("healthy", "inode:90004"),
    ] {
        let all = fixture(name);
        let page = page(&bundle(&all, what));
        let some = within(&page);
        let asked = ask::arguments(&[what.to_owned()]).unwrap();
        let answer = |lines: &str| {
            let known = known(lines);
            let pages = explain(&known, &asked[0], Source::Daemon, &Silent).pages;
            serde_json::to_value(pages).unwrap()
        };
        assert_eq!(answer(&some), answer(&all), "{name} {what}");
    }
}

#[test]
fn lines_of_others_stay_outside() {
    let all = fixture("process");
    let bundle = bundle(&all, "#103");
    let (_, lines) = bundle.size();
    assert!(lines < all.lines().count());
    assert!(!page(&bundle).contains("\"id\":106,"));
}

#[test]
fn a_page_says_what_explain_says_and_draws_both_ends() {
    let page = page(&bundle(&fixture("not_closed"), "#31"));
    for part in [
        "<!doctype html>",
        "default-src 'none'; style-src 'unsafe-inline'",
        "<h2 class=\"verdict\">java (pid 5200, fd 105) has not closed",
        "WHAT WILL NOT HELP",
        "evidence: threshold 10.0 s",
        "<circle class=\"peer\"",
        "<circle class=\"local\"",
        ">+30 s</text>",
        "java (pid 5200): /usr/lib/jvm/java-21/bin/java",
        "Times are counted from 2026-11-22T13:20:00.000000000Z.",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    for outside in ["http://", "https://", "src=", "url(", "@import", "<link"] {
        let drawn = page.split("<script").next().unwrap();
        assert!(!drawn.contains(outside), "{outside}");
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let evil = "</script></pre></svg><img src=x onerror=alert(1)>\"><img x='\u{1b}[31m<!--";
    let lines: Vec<String> = values(&fixture("eof_unread"))
        .into_iter()
        .map(|mut line| {
            walk(&mut line, &mut |key, value| {
                if [
                    "comm",
                    "name",
                    "path",
                    "command_line",
                    "cgroup",
                    "summary",
                    "function",
                ]
                .contains(&key)
                {
                    *value = json!(evil);
                }
            });
            line.to_string()
        })
        .collect();
    let lines = lines.join("\n");
    let bundle = bundle(&lines, "#12");
    let page = page(&bundle);
    assert!(!page.contains("<img"), "{page}");
    assert!(!page.contains("<!--") && !page.contains('\u{1b}'));
    assert_eq!(page.matches("</script").count(), 1);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg").count());
    let some: BTreeSet<String> = values(&within(&page))
        .iter()
        .map(Value::to_string)
        .collect();
    let all: BTreeSet<String> = values(&lines).iter().map(Value::to_string).collect();
    assert!(!some.is_empty() && some.is_subset(&all));
}

#[test]
fn a_file_that_is_no_page_is_left_as_it_is() {
    assert!(!lines::is_page(fixture("over").as_bytes()));
    assert!(!lines::is_page(b""));
    assert!(lines::is_page(b"\n<!DOCTYPE HTML><p>"));
    assert_eq!(lines::extract(b"<!doctype html><p>other").unwrap(), b"");
}

/// Shows each string with the key that it is under.
fn walk(value: &mut Value, see: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if value.is_string() {
                    see(key, value);
                }
                walk(value, see);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|value| walk(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A line with every kind of name in it, also in its sentences.
fn line(names: &[String], local: &str, peer: &str) -> String {
    let process = |name: &str| {
        json!({
            "pid": 4711, "start_time": "2026-11-22T12:00:00.000000000Z", "comm": name,
            "executable": {"name": names[1], "path": format!("/opt/{}/bin", names[2])},
            "command_line": format!("{} --password {}", names[1], names[3]),
            "attribution": "accept"
        })
    };
    let mut line = values(&fixture("eof_unread"))
        .into_iter()
        .find(|line| line["type"] == "finding")
        .unwrap();
    line["network"]["local"]["address"] = json!(local);
    line["network"]["peer"]["address"] = json!(peer);
    let kind = if peer.contains(':') { "ipv6" } else { "ipv4" };
    line["network"]["type"] = json!(kind);
    line["process"] = process(&names[0]);
    line["peer_process"] = process(&names[4]);
    line["cgroup"] = json!(format!("/system.slice/{}.service", names[5]));
    line["systemd_unit"] = json!(format!("{}.service", names[5]));
    line["container"] = json!({"id": names[6], "name": names[7], "runtime": {"name": "docker"}});
    line["k8s"] = json!({
        "namespace": {"name": names[8]}, "pod": {"name": names[9], "uid": names[10]},
        "container": {"name": names[11]}
    });
    let summary = format!(
        "{} (pid 1) waits for {peer} and [{peer}]:443, in {}/{}, {}.service",
        names[0], names[8], names[9], names[5]
    );
    line["finding"]["summary"] = json!(summary);
    line["finding"]["hint"] = json!(format!("ask {} of {local}:80 ({})", names[1], names[7]));
    line["finding"]["holders"] = json!([{
        "pid": 4711, "start_time": "2026-11-22T12:00:00.000000000Z", "fd": 7, "comm": names[0],
        "executable": {"name": names[1]}
    }]);
    line["finding"]["stacks"] = json!([{
        "kind": "accept", "pid": 4711, "thread_id": 1, "thread_name": names[4],
        "time": "2026-11-22T12:00:00.000000000Z",
        "frames": [{"address": "0x1", "module": format!("/opt/{}/lib.so", names[2]), "function": "take_one",
                    "file": format!("/srv/{}/shop.c", names[3]), "line": 42}]
    }]);
    line.to_string()
}

fn addresses() -> impl Strategy<Value = (String, String)> {
    let v4 = || (11_u8..=120, any::<u8>(), any::<u8>(), 1_u8..);
    let v4 = (v4(), v4()).prop_map(|(one, other)| {
        let text = |(a, b, c, d)| format!("{a}.{b}.{c}.{d}");
        (text(one), text(other))
    });
    let v6 = || any::<u64>().prop_map(|low| format!("2a01:e0a:{:x}::1", low % 0xefff + 0x1000));
    prop_oneof![v4, (v6(), v6())]
}

proptest! {
    #[test]
    fn nothing_that_is_replaced_occurs_anywhere_in_the_file(
        names in prop::collection::btree_set("q[a-z]{5,9}[0-9]{2}q", 12),
        (local, peer) in addresses(),
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let lines = line(&names, &local, &peer);
        let bundle = bundle(&lines, "#12").anonymize().unwrap();
        let page = page(&bundle);
        for original in names.iter().chain([&local, &peer]) {
            prop_assert!(!page.contains(original.as_str()), "{original}\n{page}");
        }
        // Both in the fields and in the sentences, by the same.
        let of: Value = serde_json::from_str(bundle.lines[0].trim()).unwrap();
        let other = of["network"]["peer"]["address"].as_str().unwrap();
        let summary = of["finding"]["summary"].as_str().unwrap();
        prop_assert!(summary.contains(other), "{summary}");
        let (name, unit) = (of["process"]["comm"].as_str().unwrap(), of["systemd_unit"].as_str().unwrap());
        prop_assert!(summary.starts_with(name) && summary.ends_with(unit), "{summary}");
        prop_assert_eq!(of["network"]["local"]["address"] == other, local == peer);
        prop_assert_eq!(&of["network"]["local"]["port"], 8080);
        prop_assert_eq!(&of["process"]["pid"], 4711);
        prop_assert_eq!(&of["container"]["runtime"]["name"], "docker");
        prop_assert_eq!(&of["finding"]["stacks"][0]["frames"][0]["function"], "take_one");
        // And they are lines still.
        let again = within(&page);
        prop_assert_eq!(known(&again).connections.len(), 1);
    }
}

#[test]
fn loopback_and_runtimes_stay_and_an_original_is_no_replacement() {
    let name = |name: &str| name.to_owned();
    let mut names: Vec<String> = (0..12).map(|n| format!("qname{n}q")).collect();
    names[0] = name("gunicorn");
    names[1] = name("python3.13");
    names[9] = name("pod-1");
    let replaced = |local: &str, peer: &str| {
        let bundle = bundle(&line(&names, local, peer), "#12")
            .anonymize()
            .unwrap();
        serde_json::from_str::<Value>(bundle.lines[0].trim()).unwrap()
    };
    let of = replaced("127.0.0.1", "198.51.100.1");
    assert_eq!(of["network"]["local"]["address"], "127.0.0.1");
    assert_eq!(of["network"]["peer"]["address"], "198.51.100.2");
    let ends =
        |one: &str, other: &str| CommunityId::of(one.parse().unwrap(), other.parse().unwrap());
    let port = of["network"]["peer"]["port"].as_u64().unwrap();
    let id = ends("127.0.0.1:8080", &format!("198.51.100.2:{port}"));
    assert_eq!(
        of["network"]["community_id"],
        serde_json::to_value(id).unwrap()
    );
    assert_eq!(of["process"]["comm"], "gunicorn");
    assert_eq!(of["process"]["executable"]["name"], "python3.13");
    assert_eq!(of["process"]["executable"]["path"], "/path-1");
    assert_eq!(of["k8s"]["pod"]["name"], "pod-2");
    let of = replaced("::1", "2001:db8::7");
    assert_eq!(of["network"]["local"]["address"], "::1");
    assert_eq!(of["network"]["peer"]["address"], "2001:db8::1");
}
