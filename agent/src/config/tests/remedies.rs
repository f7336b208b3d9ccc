//! `[[remedy]]`.

use std::path::PathBuf;

use super::*;
use crate::remedy::policy::{Action, On, Policy};

fn one(text: &str) -> Policy {
    let mut policies = parse(&format!("[[remedy]]\n{text}")).unwrap().remedies;
    assert_eq!(policies.len(), 1);
    policies.remove(0)
}

#[test]
fn a_remedy_is_harmless_unless_it_is_told_otherwise() {
    let policy = one("name = \"a\"\naction = \"kill\"");
    let expected = Policy {
        name: "a".into(),
        on: On::Incident(Severity::Warning),
        filter: None,
        action: Action::Kill {
            connections: None,
            max_connections: 1000,
        },
        per_minute: 6,
        cool_down: Duration::from_mins(5),
        dry_run: true,
    };
    assert_eq!(policy, expected);
}

#[test]
fn everything_of_a_remedy_can_be_set() {
    let policy = one(
        "name = \"shop-leaks\"\non = \"finding\"\nmatch = \"unit shop.service\"\naction = \"kill\"\n\
         connections = \"state close-wait\"\nmax_connections = 7\nrate = \"1/m\"\ncool_down = \"1h\"\n\
         dry_run = false",
    );
    assert_eq!(policy.on, On::Finding);
    assert_eq!(policy.filter, Some("unit shop.service".parse().unwrap()));
    let kill = Action::Kill {
        connections: Some("state close-wait".parse().unwrap()),
        max_connections: 7,
    };
    assert_eq!(policy.action, kill);
    assert_eq!((policy.per_minute, policy.dry_run), (1, false));
    assert_eq!(policy.cool_down, Duration::from_hours(1));
    let exec = |command: &str| {
        one(&format!(
            "name = \"a\"\naction = \"exec\"\ncommand = {command}\ntimeout = \"30s\""
        ))
        .action
    };
    let expected = |arguments: &[&str]| Action::Exec {
        command: PathBuf::from("/bin/x"),
        arguments: arguments.iter().map(|&word| word.into()).collect(),
        timeout: Duration::from_secs(30),
    };
    assert_eq!(exec("\"/bin/x\""), expected(&[]));
    let hook = one("name = \"a\"\naction = \"webhook\"\nurl = \"https://example.org/hook\"");
    let url = "https://example.org/hook".parse().unwrap();
    assert_eq!(hook.action, Action::Webhook { url });
    assert_eq!(
        exec("[\"/bin/x\", \"-a\", \"b c\"]"),
        expected(&["-a", "b c"])
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_wrong_remedy_says_what_is_accepted() {
    let kill = "name = \"a\"\naction = \"kill\"\n";
    let exec = "name = \"a\"\naction = \"exec\"\ncommand = \"/bin/x\"\n";
    for (text, line, help) in [
        ("action = \"kill\"".to_owned(), 1, "give it a name"),
        (
            "name = \"a\"".to_owned(),
            1,
            "give it an action: one of exec, kill, webhook",
        ),
        (
            "name = \"a b\"\naction = \"kill\"".to_owned(),
            2,
            "use at most 64 letters",
        ),
        (
            "name = \"a\"\naction = \"kil\"".to_owned(),
            3,
            "did you mean \"kill\"?",
        ),
        (
            format!("{kill}on = \"warnung\""),
            4,
            "did you mean \"warning\"?",
        ),
        (
            format!("{kill}match = \"state clse-wait\""),
            4,
            "did you mean",
        ),
        (
            format!("{kill}rate = 6"),
            4,
            "use a number a minute from 1 to 600",
        ),
        (
            format!("{kill}rate = \"0/m\""),
            4,
            "use a number a minute from 1 to 600",
        ),
        (
            format!("{kill}max_connections = 0"),
            4,
            "use a number from 1 to 100000",
        ),
        (
            format!("{kill}command = \"/bin/x\""),
            1,
            "command is for action = \"exec\"",
        ),
        (
            format!("{kill}cooldown = \"1m\""),
            4,
            "did you mean `cool_down`?",
        ),
        (
            format!("{exec}max_connections = 5"),
            1,
            "max_connections is for action = \"kill\"",
        ),
        (
            format!("{exec}timeout = \"1h\""),
            5,
            "use a time from 100ms to 2m",
        ),
        (
            "name = \"a\"\naction = \"exec\"".to_owned(),
            1,
            "say which command",
        ),
        (
            "name = \"a\"\naction = \"exec\"\ncommand = \"sh -c x\"".to_owned(),
            4,
            "use an absolute path",
        ),
        (
            "name = \"a\"\naction = \"webhook\"".to_owned(),
            1,
            "say which url",
        ),
        (
            "name = \"a\"\naction = \"webhook\"\nurl = \"example\"".to_owned(),
            4,
            "use a URL",
        ),
        (
            format!("{exec}url = \"http://x\""),
            1,
            "url is for action = \"webhook\"",
        ),
        (
            format!("{kill}[[remedy]]\n{kill}"),
            4,
            "`a` is the name of another one",
        ),
    ] {
        let (what, said) = refusal(&format!("[[remedy]]\n{text}"));
        assert!(
            what.starts_with(&format!("f.toml:{line}: ")),
            "{text}: {what}"
        );
        assert!(said.contains(help), "{text}: {said}");
    }
}
