use super::*;

#[test]
fn processes_and_ports_can_differ() {
    let file = parse(
        "[[override]]\nprocess = \"nginx\"\nport = 8080\nthresholds = { eof_unread = \"1m\" }\n\
         [[override]]\nport = 22\ncgroup = \"/a/b\"\nseverities = { not_closed = \"critical\" }",
    )
    .unwrap();
    let [nginx, ssh] = &file.exceptions[..] else {
        panic!("{:?}", file.exceptions)
    };
    assert_eq!(nginx.process.as_deref(), Some("nginx"));
    assert_eq!(nginx.port, Some(8080));
    assert_eq!(
        nginx.thresholds[&Verdict::EofUnread],
        Duration::from_mins(1)
    );
    assert_eq!(ssh.cgroup, GroupPattern::new("/a/b"));
    assert_eq!(nginx.cgroup, None);
    assert_eq!((ssh.process.as_deref(), ssh.port), (None, Some(22)));
    let critical = Level::Fixed(Severity::Critical);
    assert_eq!(ssh.severities[&Verdict::NotClosed], critical);
}

#[test]
fn a_wrong_override_says_what_is_accepted() {
    let (what, help) = refusal("[[override]]\nproces = \"nginx\"");
    assert_eq!(what, "f.toml:2: unknown key `proces`");
    assert_eq!(
        help,
        "did you mean `process`? known are cgroup, incidents, port, process, severities, thresholds"
    );
    let (what, help) = refusal("[[override]]\nthresholds = { eof_unread = \"1m\" }");
    assert!(
        what.starts_with("f.toml:1: wrong value for `override`"),
        "{what}"
    );
    assert!(help.contains("each with process, cgroup or port"), "{help}");
    let (_, help) = refusal("[[override]]\nport = 0");
    assert_eq!(help, "use a local port from 1 to 65535");
    for wrong in ["shop.service", "/a*b", "", "*"] {
        let (what, help) = refusal(&format!("[[override]]\ncgroup = \"{wrong}\""));
        assert!(
            what.starts_with("f.toml:2: wrong value for `cgroup`"),
            "{what}"
        );
        assert!(help.starts_with("use the path after 0::"), "{help}");
    }
}
